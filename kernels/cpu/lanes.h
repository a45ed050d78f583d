// The lanes that this library is built for. The whole library is built once for each instruction set, so that no
// function compiled for one can be called where only another is there; Python chooses which to load.
#pragma once

#if defined(MIDFILL_AVX512)
#include "lanes_avx512.h"
#if defined(__AMX_BF16__)
#include "tiles_amx.h"
#endif
namespace midfill {
using Lanes = Avx512Lanes;
}
#elif defined(MIDFILL_AVX2)
#include "lanes_avx2.h"
namespace midfill {
using Lanes = Avx2Lanes;
}
#else
#include "lanes_portable.h"
namespace midfill {
using Lanes = PortableLanes;
}
#endif
