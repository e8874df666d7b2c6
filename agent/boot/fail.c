#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void Fail(enum ExitCode code, const char* format, ...) {
  char message[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  dprintf(STDERR_FILENO, "lighter-boot: %s\n", message);
  exit(code);
}
