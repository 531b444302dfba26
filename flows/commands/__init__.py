"""The commands, a module for each group; options.py says what each is called and takes."""
