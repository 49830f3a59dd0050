"""What checkpoints are asked to do: tasks are descriptions (data/tasks), kinds are the few ways of asking."""
