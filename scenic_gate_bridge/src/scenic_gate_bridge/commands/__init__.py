"""What the commands of the program do, apart from reading the command line."""
