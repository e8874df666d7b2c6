// Stands in for the agent: prints its arguments, a line each, and ends with the code that its first
// one gives.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  for (int i = 0; i < argc; i++) puts(argv[i]);
  return argc > 1 ? atoi(argv[1]) : 0;
}
