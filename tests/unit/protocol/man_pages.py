#!/usr/bin/env python3
"""man_pages.py SOURCE BUILD: the manual pages are complete. Prints TAP.

Every call of calls.def has a page with the sections that a page must have; every return code that
the header's comment names for it is explained there, and no page names a code that does not exist;
every name that a page refers to has a page; mandoc finds nothing wrong.
"""
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE, BUILD = (pathlib.Path(argument) for argument in sys.argv[1:])
PAGES = {path.name[:-len('.scd')]: path.read_text() for path in (SOURCE / 'docs/man').glob('*.scd')}
HEADERS = [*(SOURCE / 'protocol/mach/include/mach').glob('*.h'),
           SOURCE / 'protocol/client/norma.h', SOURCE / 'guestlib/include/norma_guest.h']
SECTIONS = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'RETURN VALUE', 'EXAMPLE', 'SEE ALSO']
# Messages that are parts of a function with another name.
FUNCTION_OF = {
    'norma_run_begin': 'norma_run',
    'norma_run_data': 'norma_run',
    'norma_run_start': 'norma_run',
    'norma_task_self': 'mach_task_self',
}
count = 0
failures = 0


def report(problems, statement):
    global count, failures
    count += 1
    failures += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {count} - {statement}")
    for problem in problems:
        print(f'# {problem}')


def pages_of_calls():
    text = (SOURCE / 'protocol/message/calls.def').read_text()
    calls = re.findall(r'^CALL\(\d+, (\w+),', text, re.MULTILINE)
    missing = [call for call in calls if FUNCTION_OF.get(call, call) + '.3' not in PAGES]
    report(missing if calls else ['no calls were found'], 'every call has a page')


def sections():
    problems = []
    for name, text in PAGES.items():
        if name.endswith('.3'):
            problems += [f'{name}: no section {section}' for section in SECTIONS
                         if f'\n# {section}\n' not in text]
    report(problems, 'every page of a call has its sections')


def declared():
    """The functions of the headers: name -> (parameters, the comment in front)."""
    functions = {}
    pattern = re.compile(r'/\*((?:(?!\*/).)*)\*/\n((?:[\w ]+[ *]\w+\([^;{}]*\);\s*)+)', re.DOTALL)
    for header in HEADERS:
        for comment, declarations in pattern.findall(header.read_text()):
            for name, rest in re.findall(r'[ *](\w+)\(([^;]*)\);', declarations):
                functions[name] = (re.findall(r'(\w+)(?:[,)]|$)', rest + ')'), comment)
    return functions


def explained(functions):
    codes, parameters = [], []
    for page, text in PAGES.items():
        name = page[:-len('.3')]
        if not page.endswith('.3') or name not in functions:
            continue
        names, comment = functions[name]
        codes += [f'{page}: {code}' for code in re.findall(r'KERN_[A-Z_]+', comment)
                  if code != 'KERN_SUCCESS' and f'\n*{code}*\n' not in text
                  and f'*{code}*' not in shared_codes(text)]
        parameters += [f'{page}: {parameter}' for parameter in names
                       if parameter not in ('void', 'entry') and f'\n_{parameter}_\n' not in text]
    report(codes, 'every return code of a header is explained')
    report(parameters, 'every parameter is explained')


def shared_codes(text):
    return (SOURCE / 'docs/man/general.txt').read_text() if '\n@general\n' in text else ''


def names_exist(functions):
    known = set(re.findall(r'#define (KERN_\w+)',
                           (SOURCE / 'protocol/mach/include/mach/kern_return.h').read_text()))
    problems = [f'{page}: {code}' for page, text in PAGES.items()
                for code in set(re.findall(r'KERN_[A-Z_]+', text)) - known]
    for page, text in PAGES.items():
        for name, section in re.findall(r'\*([\w-]+)\*\((\d)\)', text):
            if f'{name}.{section}' not in PAGES and name not in functions:
                problems.append(f'{page}: {name}({section})')
    report(problems, 'every name that a page mentions exists')


def built():
    scdoc, mandoc = shutil.which('scdoc'), shutil.which('mandoc')
    if not scdoc or not mandoc:
        print(f'ok {count + 1} - the built pages # SKIP needs scdoc and mandoc')
        return
    files = sorted(BUILD.glob('docs/man/*.[37]'))
    lint = subprocess.run([mandoc, '-T', 'lint', *files], capture_output=True, text=True)
    problems = (lint.stdout + lint.stderr).splitlines()
    made = {path.name for path in files}
    problems += [f'{page} was not built' for page in PAGES if page[-1] in '37' and page not in made]
    report(problems, 'mandoc finds nothing wrong')


def main():
    functions = declared()
    if len(functions) < len(PAGES):
        sys.exit(f'only {len(functions)} functions were found in the headers')
    pages_of_calls()
    sections()
    explained(functions)
    names_exist(functions)
    built()
    print(f'1..{6}')
    sys.exit(1 if failures else 0)


main()
