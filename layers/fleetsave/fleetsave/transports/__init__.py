"""The ways to a server: SSH with exec, SSH with SFTP alone, behind one port."""
