"""The explorer's pages, a module each with a function `show`."""
