#!/usr/bin/env python3
"""Writes golden.json: what jinja2 makes of the templates here, set up as Hugging Face transformers
does it. Needs jinja2. The templates are written for these tests in the manner of each family."""
import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = 1700000000


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    utc = datetime.timezone.utc
    env.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(NOW, utc).strftime(form)
    return env


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def system(content):
    return {"role": "system", "content": content}


def tool(content):
    return {"role": "tool", "tool_call_id": "abcdef123", "name": "get_weather", "content": content}


def call(arguments):
    return {"id": "abcdef123", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The w\u00e9ather \"now\" <b>",
        "parameters": {"type": "object", "properties": {
            "city": {"type": "string", "description": "where"}, "unit": {"type": "string", "enum": ["c", "f"]},
            "days": {"type": ["integer", "null"], "default": 3}, "of": {"type": "array", "items": {"type": "string"}}},
            "required": ["city"]},
        "return": {"type": "number", "description": "degrees"}}},
    {"type": "function", "function": {"name": "noop", "description": "Nothing.",
                                      "parameters": {"type": "object", "properties": {}, "required": []}}},
]
ARGUMENTS = {"city": "Z\u00fcrich", "days": 1.5, "ok": True, "of": None}
CONVERSATIONS = [
    [user("Hello")],
    [system("You are h\u00e9r\u00e9."), user("Hi  "), assistant(" Yes \n"), user("More?")],
    [user(""), assistant(""), user("\u6771\u4eac \U0001f600\nsecond line")],
    [system(""), user("  x  ")],
    [user("w?"), assistant("", tool_calls=[call(ARGUMENTS)]), tool('{"t": 20}'), assistant("It is 20."), user("ok")],
    [system("s"), user("w?"), assistant(None, tool_calls=[call('{"city": "Bern"}')]), tool("20"), tool("21")],
    [user("q"), assistant("<think>\nhm\n</think>\n\nanswer"), user("r")],
    [user("q"), assistant("a", reasoning_content="because"), user("r"), assistant("z", reasoning_content="why")],
    [assistant("first"), user("x")],
    [user([{"type": "text", "text": " part1"}, {"type": "image"}, {"type": "text", "text": "part2"}])],
    [],
]


def variables():
    out = []
    for messages in CONVERSATIONS:
        for prompt, tools in ((True, None), (False, TOOLS)):
            out.append({"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt,
                        "bos_token": "<s>", "eos_token": "</s>"})
    out.append({**out[0], "enable_thinking": False})
    out.append({**out[2], "tools": TOOLS, "documents": [{"title": "T", "text": "body"}, {"text": "more"}],
                "date_string": "26 Jul 2024", "builtin_tools": ["search", "code_interpreter"],
                "controls": {"length": "long"}})
    out.append({**out[0], "documents": [{"title": "", "text": "b"}], "tools": TOOLS, "controls": {"length": "short"}})
    return out


def rendered(template, given):
    try:
        return template.render(**given)
    except Exception:  # an error is an error in Ingot too
        return None


def main():
    env, given = environment(), variables()
    golden = {}
    for path in sorted(HERE.glob("*.jinja")):
        template = env.from_string(path.read_text())
        golden[path.stem] = [rendered(template, g) for g in given]
    text = json.dumps({"now": NOW, "variables": given, "golden": golden}, ensure_ascii=False, indent=0)
    (HERE / "golden.json").write_text(text + "\n")


main()
