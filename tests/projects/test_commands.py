"""How a template becomes words: as a shell would read it, without a shell where none is needed."""

from __future__ import annotations

import pytest

from trackway.base.errors import InvalidInput
from trackway.projects.commands import VALUE_BYTES, build_command
from trackway.projects.specification import EntryPoint, Parameter

VALUES = {"x": "a b", "n": "1.5"}


def build(command: str, values: dict[str, str] | None = None, **extra: str) -> list[str]:
    parameters = (Parameter("x"), Parameter("n", "float"))
    return build_command(EntryPoint("main", parameters, command), values or VALUES, extra)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python a.py --x {x}", ["python", "a.py", "--x", "a b"]),
        ("python a.py --x={x} -{n}", ["python", "a.py", "--x=a b", "-1.5"]),
        ("python a.py \"q {x} z\" '{x}'", ["python", "a.py", "q a b z", "a b"]),
        ("python a.py \\\n  --x {x} \\\n  --n {n}\n", ["python", "a.py", "--x", "a b", "--n", "1.5"]),
        ("python  a.py\t''", ["python", "a.py", ""]),
        (r"python a\ b.py \"", ["python", "a b.py", '"']),
        (r'python "a\"b\\c\d"', ["python", r'a"b\c\d']),
        ("awk '{{print $1}}' {x}", ["awk", "{print $1}", "a b"]),
        ("awk '{print $1}' {x}", ["awk", "{print $1}", "a b"]),
        ("echo '{{x}}' '{{\"a\": 1}}'", ["echo", "{x}", '{"a": 1}']),
        ("python a.py a#b x!y", ["python", "a.py", "a#b", "x!y"]),
        ("python train.py -e {x} -c {x} -p {x}", ["python", "train.py", "-e", "a b", "-c", "a b", "-p", "a b"]),
        ("bash -c 'echo {n}'", ["bash", "-c", "echo 1.5"]),
        ("Rscript -e 'f()' --args --alpha {x}", ["Rscript", "-e", "f()", "--args", "--alpha", "a b"]),
        ("python -m package.train -c {x}", ["python", "-m", "package.train", "-c", "a b"]),
        ("{x} --n {n}", ["a b", "--n", "1.5"]),
    ],
)
def test_a_command_without_signs_of_a_shell_is_run_without_one(command: str, words: list[str]) -> None:
    assert build(command) == words


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("cd src && python a.py {x}", 'cd src && python a.py "${1}"'),
        ("python a.py {x} | tee {n}.log", 'python a.py "${1}" | tee "${2}".log'),
        ("python a.py \"{x}\" '{x}' > log", "python a.py \"${1}\" ''\"${1}\"'' > log"),
        ('echo $(cat {x}) "$(cat "{x}")"', 'echo $(cat "${1}") "$(cat "${1}")"'),
        ("echo $HOME ${HOME} ${{HOME}} {x}", 'echo $HOME ${HOME} ${HOME} "${1}"'),
        ("NAME={x} python a.py", 'NAME="${1}" python a.py'),
        ("ls *.csv", "ls *.csv"),
        ("python a.py {x}\npython b.py {x}", 'python a.py "${1}"\npython b.py "${1}"'),
        ("echo $(({n} + 1))", "echo $((${1} + 1))"),
        ("python a.py {x} # {n} is the rest's", 'python a.py "${1}"'),
        ("cat <<< {x}", 'cat <<< "${1}"'),
        ("if [ {x} = 1 ]; then echo {n}; fi", 'if [ "${1}" = 1 ]; then echo "${2}"; fi'),
        ("case {x} in a) echo 1;; esac", 'case "${1}" in a) echo 1;; esac'),
        ("(cd a; ls {x}) || ! true", '(cd a; ls "${1}") || ! true'),
        ("source env.sh", "source env.sh"),
        (r"echo $'a\'b' {x}", "echo $'a\\'b' \"${1}\""),
    ],
)
def test_a_command_that_needs_a_shell_gets_values_as_its_parameters(command: str, script: str) -> None:
    words = build(command)
    assert words[:2] == ["bash", "-c"]
    assert words[2].rstrip() == script
    assert words[3] == "bash"
    assert all(value in VALUES.values() for value in words[4:])


def test_what_is_not_declared_is_appended() -> None:
    assert build("python a.py", {"x": "", "n": "0"}, rate="a b") == ["python", "a.py", "--rate", "a b"]
    words = build("cd a && python a.py {x}", {"x": "1", "n": "0"}, rate="a b", depth="-2")
    assert words[2] == 'cd a && python a.py "${1}" --rate "${2}" --depth "${3}"'
    assert words[4:] == ["1", "a b", "-2"]


def test_a_script_is_run_by_its_interpreter() -> None:
    for name, program in (("a.py", "python"), ("b.sh", "bash"), ("c.R", "Rscript")):
        assert build_command(EntryPoint(name, script=name), {}, {"x": "$y"}) == [program, name, "--x", "$y"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("bash -c 'echo {x}'", "in what bash runs as a program"),
        ('cd a; sh -lc "echo {x}"', "in what sh runs as a program"),
        ("env A=1 python3.11 -c 'print({x})'", "runs as a program"),
        ("/usr/bin/python -Bc{x}", "runs as a program"),
        ("perl -ne 'print {x}'", "in what perl runs as a program"),
        ("Rscript -e '{x}'", "in what Rscript runs as a program"),
        ("eval echo {x}", "in what eval runs as a program"),
        ("if [[ {x} -eq 1 ]]; then ls; fi", "runs as a program"),
        ("let y={x}", "in what let runs as a program"),
        ("trap {x} EXIT", "in what trap runs as a program"),
        ("echo $(({x} + 1))", "within ((...))"),
        ("echo ${{Y:-{x}}}", "within ${...}"),
        ("echo `cat {x}`", "within backticks"),
        ('echo "`cat {x}`"', "within backticks"),
        ("echo $'{x}'", "within $'...'"),
        ("cat <<E\n{x}\nE", "behind <<"),
        ("echo {y}", "{y}, which is no parameter"),
        ("echo ${x}", "behind a $"),
        (r"echo \{x}", "a backslash before"),
        (r'echo "\{x}"', "a backslash before"),
        ('echo "{x}', "ends within quotes"),
        ("echo $(cat {x}", "ends within quotes or brackets"),
        ("   ", "is empty"),
    ],
)
def test_a_template_in_which_a_value_would_be_a_program_is_refused(command: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(command)
    assert message in caught.value.message


@pytest.mark.parametrize("value", ["-c", "-cimport os", "--version"])
def test_a_value_does_not_become_an_option_of_an_interpreter(value: str) -> None:
    with pytest.raises(InvalidInput, match="where an option of the interpreter would"):
        build("python {x}", {"x": value, "n": "1"})
    with pytest.raises(InvalidInput, match="where an option of the interpreter would"):
        build("cd a && python -B {x}", {"x": value, "n": "1"})
    assert build("python a.py {x}", {"x": value, "n": "1"})[-1] == value


@pytest.mark.parametrize(("value", "said"), [("a\0b", "NUL"), ("x" * (VALUE_BYTES + 1), "longer than")])
def test_a_value_that_no_program_can_be_given_is_refused(value: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        build("python a.py {x}", {"x": value, "n": "1"})


@pytest.mark.parametrize("name", ["a b", "-x", "--", "", "a=b", "x;id", "x\n"])
def test_the_name_of_what_is_appended_is_a_name(name: str) -> None:
    with pytest.raises(InvalidInput, match="no name of a parameter"):
        build("python a.py", None, **{name: "1"})
