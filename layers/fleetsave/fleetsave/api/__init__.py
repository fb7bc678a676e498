"""The API: what a person or a program asks over HTTP, answered from the bucket; the work itself is the recover worker's."""
