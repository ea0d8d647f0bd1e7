"""How much the machine has to do, how many students it holds, and what is left out beyond that."""
