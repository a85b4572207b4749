#include "run.h"
int demonstrate(void)
{
    return 0;
}
