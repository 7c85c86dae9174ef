// classify.cpp - the C++ face: a scikit-learn pipeline tells wines apart.
//
//     classify MODEL.ingot wine_test.npz
//
// All rows run as one batch; the model gives a label and the probabilities of all classes.
#include <ingot.hpp>

#include "npz.h"

#include <iostream>
#include <memory>

struct Free {
    void operator()(void *p) const { std::free(p); }
};

int main(int argc, char **argv)
{
    if (argc < 3) {
        std::cerr << "usage: classify MODEL.ingot wine_test.npz\n";
        return 2;
    }
    const npz_array features = npz_read(argv[2], "features", "<f4");
    const npz_array labels = npz_read(argv[2], "labels", "<i8");
    const std::unique_ptr<void, Free> own_features(features.data), own_labels(labels.data);
    if (!features.data || !labels.data || features.rank != 2) {
        std::cerr << argv[2] << ": no features and labels in it\n";
        return 1;
    }
    try {
        ingot::Runtime runtime;
        ingot::Model model(runtime, argv[1]);
        ingot::Session session(model);
        const std::vector<ingot_tensor> in{
            ingot::view(static_cast<float *>(features.data), {features.dims[0], features.dims[1]})};
        std::vector<ingot_tensor> out(2); // no buffers: the session's own memory
        session.run(out, in);
        const auto *got = static_cast<const std::int64_t *>(out[0].data);
        const auto *want = static_cast<const std::int64_t *>(labels.data);
        const auto *share = static_cast<const float *>(out[1].data);
        std::size_t right = 0;
        for (std::size_t i = 0; i < labels.count; i++) right += got[i] == want[i];
        for (std::size_t i = 0; i < 3 && i < labels.count; i++)
            std::cout << "wine " << i << ": class " << got[i] << " (" << share[3 * i] << " "
                      << share[3 * i + 1] << " " << share[3 * i + 2] << ")\n";
        std::cout << "accuracy  "
                  << 100.0 * static_cast<double>(right) / static_cast<double>(labels.count)
                  << " % (" << right << " of " << labels.count << " held-out wines)\n";
    } catch (const ingot::Error &e) {
        std::cerr << e.what() << "\n";
        return 1;
    }
}
