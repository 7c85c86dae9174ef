// chat_cpp.cpp - the C++ face of generators: a conversation, or several questions at once.
//
//     chat_cpp MODEL.ingot                    each line of standard input is a turn
//     chat_cpp MODEL.ingot TEXT TEXT...       goes on from all texts together
#include <ingot.hpp>

#include <iostream>
#include <string>
#include <vector>

static bool show(void *, const ingot_piece *piece)
{
    std::cout.write(piece->text.p, static_cast<std::streamsize>(piece->text.n)).flush();
    return std::cout.good();
}

static void converse(ingot::Generator &generator)
{
    std::vector<ingot::Message> turns;
    ingot_request ask{};
    ask.max_tokens = 512;
    ask.sampling = generator.sampling();
    ask.cut = INGOT_CUT_OLDEST;
    ask.piece = show;
    for (std::string line; std::getline(std::cin, line);) {
        turns.push_back({"user", line});
        turns.push_back({"assistant", generator.submit(turns, ask).wait().text});
        std::cout << std::endl;
    }
}

// All are on their way before the first is waited for: they share the steps of one engine.
static void go_on(ingot::Generator &generator, const std::vector<std::string> &texts)
{
    std::vector<ingot::Generation> all;
    for (const std::string &text : texts) {
        ingot_request ask{};
        ask.text = text.c_str();
        ask.max_tokens = 24;
        all.push_back(generator.submit(ask));
    }
    for (std::size_t i = 0; i < all.size(); i++) {
        const ingot::Answer a = all[i].wait();
        std::cout << texts[i] << a.text << "\n[" << a.ids.size() << " tokens, "
                  << ingot_finish_text(a.finish) << "]\n";
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        std::cerr << "usage: chat_cpp MODEL.ingot [TEXT...]\n";
        return 2;
    }
    try {
        ingot::Runtime runtime;
        ingot::Model model(runtime, argv[1]);
        ingot::Generator generator(model);
        if (argc > 2)
            go_on(generator, std::vector<std::string>(argv + 2, argv + argc));
        else
            converse(generator);
    } catch (const ingot::Error &e) {
        std::cerr << "chat: " << e.what() << "\n";
        return 1;
    }
}
