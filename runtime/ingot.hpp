// ingot.hpp - a C++17 face of ingot.h: RAII, exceptions or error codes, vectors and spans of yours.
//
//     ingot::Runtime rt;
//     ingot::Model model(rt, "digits.ingot");
//     ingot::Session session(model);
//     std::vector<float> image(64), score = session.run<float>(image, {1, 1, 8, 8});
//
// With INGOT_NO_EXCEPTIONS a failed call prints the error and aborts; use the C interface there if
// failure must be handled.
#ifndef INGOT_HPP
#define INGOT_HPP

#include <ingot.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ingot
{

struct Error : std::runtime_error {
    ingot_status status;
    explicit Error(const ingot_error &e) : std::runtime_error(e.text), status(e.status) {}
};

namespace detail
{
inline void check(ingot_status s, const ingot_error &e)
{
    if (s == INGOT_OK) return;
#ifdef INGOT_NO_EXCEPTIONS
    std::fprintf(stderr, "ingot: %s\n", e.text);
    std::abort();
#else
    throw Error(e);
#endif
}

// A handle that closes itself.
template <class T, void (*Close)(T **)> class Handle
{
    T *p_ = nullptr;

  protected:
    Handle() = default;
    T **out() { return &p_; }

  public:
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    Handle(Handle &&other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
    Handle &operator=(Handle &&other) noexcept
    {
        std::swap(p_, other.p_);
        return *this;
    }
    ~Handle() { Close(&p_); }
    T *get() const { return p_; }
};
} // namespace detail

template <class T> constexpr ingot_dtype dtype_of()
{
    using U = std::remove_cv_t<T>;
    if constexpr (std::is_same_v<U, float>)
        return INGOT_F32;
    else if constexpr (std::is_same_v<U, double>)
        return INGOT_F64;
    else if constexpr (std::is_same_v<U, bool>)
        return INGOT_BOOL;
    else if constexpr (std::is_same_v<U, std::int8_t>)
        return INGOT_I8;
    else if constexpr (std::is_same_v<U, std::int16_t>)
        return INGOT_I16;
    else if constexpr (std::is_same_v<U, std::int32_t>)
        return INGOT_I32;
    else if constexpr (std::is_same_v<U, std::int64_t>)
        return INGOT_I64;
    else if constexpr (std::is_same_v<U, std::uint8_t>)
        return INGOT_U8;
    else if constexpr (std::is_same_v<U, std::uint16_t>)
        return INGOT_U16;
    else if constexpr (std::is_same_v<U, std::uint32_t>)
        return INGOT_U32;
    else {
        static_assert(std::is_same_v<U, std::uint64_t>, "no Ingot element type");
        return INGOT_U64;
    }
}

// A view of the caller's memory; nothing is copied.
template <class T>
ingot_tensor view(T *data, std::initializer_list<std::int64_t> dims, const char *name = nullptr)
{
    ingot_tensor t = ingot_view(dtype_of<T>(), const_cast<std::remove_cv_t<T> *>(data),
                                static_cast<int>(dims.size()), dims.begin());
    t.name = name;
    return t;
}

class Runtime : public detail::Handle<ingot_runtime, ingot_runtime_close>
{
  public:
    explicit Runtime(std::size_t threads = 0)
    {
        ingot_runtime_options o{};
        o.size = sizeof o;
        o.n_threads = threads;
        open(o);
    }
    explicit Runtime(const ingot_runtime_options &o) { open(o); }
    std::size_t threads() const { return ingot_runtime_threads(get()); }

  private:
    void open(const ingot_runtime_options &o)
    {
        ingot_error e;
        detail::check(ingot_runtime_open(out(), &o, &e), e);
    }
};

class Model : public detail::Handle<ingot_model, ingot_model_close>
{
  public:
    Model(const Runtime &rt, const std::string &path)
    {
        ingot_error e;
        detail::check(ingot_model_open(out(), rt.get(), path.c_str(), nullptr, &e), e);
    }
    Model(const Runtime &rt, const void *bytes, std::size_t n)
    {
        ingot_error e;
        detail::check(ingot_model_open_memory(out(), rt.get(), bytes, n, nullptr, &e), e);
    }
    std::vector<ingot_value_info> inputs() const
    {
        std::vector<ingot_value_info> v(ingot_model_n_inputs(get()));
        for (std::size_t i = 0; i < v.size(); i++) ingot_model_input(&v[i], get(), i);
        return v;
    }
    std::vector<ingot_value_info> outputs() const
    {
        std::vector<ingot_value_info> v(ingot_model_n_outputs(get()));
        for (std::size_t i = 0; i < v.size(); i++) ingot_model_output(&v[i], get(), i);
        return v;
    }
    std::string meta(const char *key) const
    {
        const char *text = ingot_model_meta(get(), key);
        return text ? text : "";
    }
};

class Session : public detail::Handle<ingot_session, ingot_session_close>
{
  public:
    explicit Session(const Model &model)
    {
        ingot_error e;
        detail::check(ingot_session_open(out(), model.get(), nullptr, &e), e);
    }
    // All inputs to all given outputs; see ingot_session_run for what `out` may hold.
    void run(std::vector<ingot_tensor> &out_tensors, const std::vector<ingot_tensor> &in)
    {
        ingot_error e;
        detail::check(ingot_session_run(get(), out_tensors.data(), out_tensors.size(), in.data(),
                                        in.size(), &e),
                      e);
    }
    // One input, the first output as a vector.
    template <class Out, class In>
    std::vector<Out> run(const std::vector<In> &in, std::initializer_list<std::int64_t> dims)
    {
        std::vector<ingot_tensor> result(1), inputs{view(in.data(), dims)};
        if (ingot_tensor_elements(&inputs[0]) != in.size())
            fail("the dims do not hold the input's elements");
        run(result, inputs);
        if (result[0].dtype != dtype_of<Out>()) fail("the first output has another element type");
        const Out *p = static_cast<const Out *>(result[0].data);
        return std::vector<Out>(p, p + ingot_tensor_elements(&result[0]));
    }
    void cancel() { ingot_session_cancel(get()); }

  private:
    static void fail(const char *text)
    {
        ingot_error e{};
        e.status = INGOT_E_ARG;
        std::snprintf(e.text, sizeof e.text, "%s", text);
        detail::check(e.status, e);
    }
};

// What an answer ended with; its own copies.
struct Answer {
    std::string text;
    std::vector<std::int32_t> ids;
    ingot_finish finish = INGOT_FINISH_ERROR;
    std::size_t prompt_tokens = 0, cached_tokens = 0, truncated_tokens = 0;
    std::uint64_t queue_ns = 0, prefill_ns = 0, decode_ns = 0;
};

// One request on its way. Must not outlive its generator.
class Generation : public detail::Handle<ingot_generation, ingot_generation_close>
{
  public:
    // Until it has ended; throws what ended it if that was an error.
    Answer wait()
    {
        ingot_error e;
        ingot_result r;
        detail::check(ingot_generation_wait(&r, get(), &e), e);
        Answer a;
        a.text.assign(r.text.p, r.text.n);
        for (std::size_t i = 0; i < r.n_tokens; i++) a.ids.push_back(r.tokens[i].id);
        a.finish = r.finish;
        a.prompt_tokens = r.prompt_tokens;
        a.cached_tokens = r.cached_tokens;
        a.truncated_tokens = r.truncated_tokens;
        a.queue_ns = r.queue_ns;
        a.prefill_ns = r.prefill_ns;
        a.decode_ns = r.decode_ns;
        return a;
    }
    void cancel() { ingot_generation_cancel(get()); } // any thread, signal handlers too

  private:
    friend class Generator;
    Generation() = default;
};

// A message of a conversation; converts to what ingot_request takes.
struct Message {
    std::string role, content;
};

class Generator : public detail::Handle<ingot_generator, ingot_generator_close>
{
  public:
    explicit Generator(const Model &model)
    {
        ingot_error e;
        detail::check(ingot_generator_open(out(), model.get(), nullptr, &e), e);
    }
    Generator(const Model &model, ingot_generator_options o)
    {
        ingot_error e;
        o.size = sizeof o;
        detail::check(ingot_generator_open(out(), model.get(), &o, &e), e);
    }
    // What the model's makers recommend.
    ingot_sampling sampling() const
    {
        ingot_sampling s;
        ingot_generator_sampling(&s, get());
        return s;
    }
    // See ingot_request; any thread. The request is copied, its callback's `ud` is not.
    Generation submit(ingot_request request)
    {
        ingot_error e;
        Generation g;
        request.size = sizeof request;
        detail::check(ingot_generator_submit(g.out(), get(), &request, &e), e);
        return g;
    }
    Generation submit(const std::vector<Message> &messages, ingot_request request = {})
    {
        std::vector<ingot_message> m;
        for (const Message &one : messages) m.push_back({one.role.c_str(), one.content.c_str()});
        request.messages = m.data();
        request.n_messages = m.size();
        return submit(request);
    }
    // Text in, text out.
    Answer answer(const std::string &text, std::size_t max_tokens, ingot_request request = {})
    {
        request.text = text.c_str();
        request.n_text = text.size();
        request.max_tokens = max_tokens;
        return submit(request).wait();
    }
    ingot_generator_info info() const
    {
        ingot_generator_info i;
        ingot_generator_get_info(&i, get());
        return i;
    }
};

// A text encoder with the tokenizer of its file; see ingot_embedder_open.
class Embedder : public detail::Handle<ingot_embedder, ingot_embedder_close>
{
  public:
    explicit Embedder(const Model &model, ingot_embedder_options o = {})
    {
        ingot_error e;
        o.size = sizeof o;
        detail::check(ingot_embedder_open(out(), model.get(), &o, &e), e);
    }
    ingot_embedder_info info() const
    {
        ingot_embedder_info i;
        ingot_embedder_get_info(&i, get());
        return i;
    }
    // A vector for each text.
    std::vector<std::vector<float>> embed(const std::vector<std::string> &texts)
    {
        ingot_error e;
        const std::size_t width = info().width;
        const std::vector<ingot_str> given = views(texts);
        std::vector<float> all(texts.size() * width + 1);
        detail::check(
            ingot_embedder_embed(all.data(), nullptr, get(), given.data(), given.size(), &e), e);
        std::vector<std::vector<float>> result;
        for (std::size_t i = 0; i < texts.size(); i++)
            result.emplace_back(all.data() + i * width, all.data() + (i + 1) * width);
        return result;
    }
    // A score for each document; higher is better.
    std::vector<float> rank(const std::string &query, const std::vector<std::string> &documents)
    {
        ingot_error e;
        const std::vector<ingot_str> given = views(documents);
        std::vector<float> scores(documents.size());
        detail::check(ingot_embedder_rank(scores.data(), nullptr, get(),
                                          ingot_str{query.data(), query.size()}, given.data(),
                                          given.size(), &e),
                      e);
        return scores;
    }

  private:
    static std::vector<ingot_str> views(const std::vector<std::string> &texts)
    {
        std::vector<ingot_str> v;
        for (const std::string &t : texts) v.push_back(ingot_str{t.data(), t.size()});
        return v;
    }
};

} // namespace ingot
#endif
