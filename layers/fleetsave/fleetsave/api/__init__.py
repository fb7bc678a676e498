"""What the API answers: every request parsed, granted or refused before anything is done."""
