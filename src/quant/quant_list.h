/* Rows of the axes: symbol and config word. A new row is one file, which defines
 * trit_<axis>_<symbol>, and one line here; `trit methods`, configs, the JSON Schema and the
 * property tests follow. */
#define TRIT_GRID_LIST(X) \
    X(int, "int")         \
    X(ternary, "ternary") \
    X(binary, "binary")   \
    X(half, "half")       \
    X(float, "float")     \
    X(nf4, "nf4")         \
    X(lloyd, "lloyd")     \
    X(apot, "apot")       \
    X(pot, "pot")         \
    X(log, "log")

#define TRIT_SCALE_LIST(X)    \
    X(absmax, "absmax")       \
    X(absmean, "absmean")     \
    X(absmedian, "absmedian") \
    X(learned, "learned")     \
    X(fixed, "fixed")         \
    X(rms, "rms")             \
    X(std, "std")             \
    X(pow2, "pow2")

#define TRIT_ESTIMATOR_LIST(X)            \
    X(ste, "ste")                         \
    X(ste_clip, "ste-clip")               \
    X(ste_round_clip, "ste-round-clip")   \
    X(ste_raw_clip, "ste-raw-clip")       \
    X(ste_scale_clip, "ste-scale-clip")   \
    X(ste_calibrated, "ste-calibrated")   \
    X(trust, "trust")                     \
    X(ewgs, "ewgs")                       \
    X(rdfs, "rdfs")                       \
    X(dgm, "dgm")                         \
    X(stacked_sigmoid, "stacked-sigmoid") \
    X(approx_sign, "approx-sign")         \
    X(ede, "ede")                         \
    X(reste, "reste")                     \
    X(fourier_sign, "fourier-sign")       \
    X(stochastic, "stochastic")           \
    X(stochastic_ternary, "stochastic-ternary")

#define TRIT_TRANSFORM_LIST(X)        \
    X(none, "none")                   \
    X(hadamard, "hadamard")           \
    X(hadamard_half, "hadamard-half") \
    X(hadamard_native, "hadamard-native")

#define TRIT_FORM_LIST(X)         \
    X(adabin, "adabin")           \
    X(adabin_act, "adabin_act")   \
    X(adalog, "adalog")           \
    X(adapt, "adapt")             \
    X(apotnorm, "apotnorm")       \
    X(asq, "asq")                 \
    X(bibert, "bibert")           \
    X(biper, "biper")             \
    X(bitnet1, "bitnet1")         \
    X(blockap, "blockap")         \
    X(diffq, "diffq")             \
    X(dlt, "dlt")                 \
    X(dorefa, "dorefa")           \
    X(dorefaact, "dorefaact")     \
    X(doubleround, "doubleround") \
    X(dsq, "dsq")                 \
    X(ewgsfull, "ewgsfull")       \
    X(fdb, "fdb")                 \
    X(fsq, "fsq")                 \
    X(ifsq, "ifsq")               \
    X(irnet, "irnet")             \
    X(llmfp4, "llmfp4")           \
    X(lmb, "lmb")                 \
    X(lsqplus, "lsqplus")         \
    X(lwc, "lwc")                 \
    X(nipq, "nipq")               \
    X(nupes, "nupes")             \
    X(nvfp4, "nvfp4")             \
    X(ofq, "ofq")                 \
    X(pact, "pact")               \
    X(pbllm, "pbllm")             \
    X(peqa, "peqa")               \
    X(pqt, "pqt")                 \
    X(reste, "reste")             \
    X(rsign, "rsign")             \
    X(seq, "seq")                 \
    X(sherry, "sherry")           \
    X(tbt, "tbt")                 \
    X(tequila, "tequila")         \
    X(topk, "topk")               \
    X(ttq, "ttq")                 \
    X(twn, "twn")                 \
    X(xnor, "xnor")

#define TRIT_CONTROLLER_LIST(X) \
    X(dampening, "dampening")   \
    X(freeze, "freeze")         \
    X(cga, "cga")               \
    X(clip, "clip")             \
    X(kurtosis, "kurtosis")     \
    X(skew, "skew")             \
    X(biper, "biper")           \
    X(pact_l2, "pact-l2")       \
    X(diffq_size, "diffq-size") \
    X(nipq_bits, "nipq-bits")
