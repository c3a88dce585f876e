/* Everything that a program which uses the library needs, lowest folder first. What each part
 * promises is told in its own header. */
#ifndef TRIT_TRIT_H
#define TRIT_TRIT_H

#include "base/arena.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/schedule.h"
#include "base/schema.h"
#include "base/status.h"
#include "base/tensor.h"
#include "base/text.h"

#include "autograd/exec.h"
#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "autograd/ops.h"
#include "autograd/param.h"
#include "autograd/runtime.h"

#include "quant/methods.h"
#include "quant/quant.h"
#include "quant/spec.h"

#include "layers/linear.h"
#include "layers/transformer.h"

#include "optim/optim.h"

#include "data/corpus.h"
#include "data/data.h"
#include "data/tales.h"

#include "io/chart.h"
#include "io/checkpoint.h"
#include "io/json.h"
#include "io/png.h"
#include "io/quant_settings.h"
#include "io/settings.h"

#include "run/bench.h"
#include "run/config.h"
#include "run/run.h"
#include "run/sample.h"
#include "run/store.h"
#include "run/train.h"

#endif
