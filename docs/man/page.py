#!/usr/bin/env python3
"""page.py SCDOC SOURCE: the manual page of an .scd source, on standard output.

Lines of the source that begin with @ are replaced:
  @synopsis HEADER NAME...  the declarations of these functions, taken from the header itself
  @general                  the return codes that every call shares (general.txt)
  @example FILE             an example program, whole
"""
import pathlib
import re
import subprocess
import sys
import textwrap

MAN = pathlib.Path(__file__).resolve().parent
ROOT = MAN.parent.parent
HEADERS = [ROOT / 'protocol/mach/include', ROOT / 'protocol/client', ROOT / 'guestlib/include']
WIDTH = 66  # of literal text, so that it fits a terminal of 80


def declaration(text, name):
    """The declaration of a function in a header's text, on lines that fit a page."""
    found = re.search(r'^[a-z_][\w ]*[ *]%s\([^;{]*\);' % name, text, re.MULTILINE)
    if not found:
        sys.exit(f'page.py: no declaration of {name}')
    words = re.sub(r'\s+', ' ', found.group(0)).replace('( ', '(')
    # A parameter stays on one line: its inner spaces are none to the filling.
    words = re.sub(r'(?<!,) ', '\0', words)
    filled = textwrap.fill(words, WIDTH, subsequent_indent='    ', break_long_words=False,
                           break_on_hyphens=False)
    return filled.replace('\0', ' ')


def synopsis(header, *names):
    folder = next((f for f in HEADERS if (f / header).exists()), None)
    if not folder:
        sys.exit(f'page.py: no header {header}')
    text = (folder / header).read_text()
    public = '<mach/mach.h>' if header.startswith('mach/') else f'<{header}>'
    return ['```', f'#include {public}', ''] + \
        '\n\n'.join(declaration(text, n) for n in names).split('\n') + ['```']


def general(lines):
    """The shared return codes, without those that the page describes itself."""
    text = (MAN / 'general.txt').read_text().rstrip('\n')
    entries = [entry for entry in text.split('\n\n') if entry.split('\n')[0] not in lines]
    return '\n\n'.join(entries).split('\n')


def expand(line, lines):
    word, *arguments = line.split()
    if word == '@synopsis':
        return synopsis(*arguments)
    if word == '@general':
        return general(lines)
    if word == '@example':
        text = (MAN / 'examples' / arguments[0]).read_text()
        text = text.replace('\\', '\\\\')  # scdoc takes one of two
        return ['```'] + text.rstrip('\n').split('\n') + ['```']
    sys.exit(f'page.py: unknown directive {word}')


def source_text(path):
    lines = []
    for line in pathlib.Path(path).read_text().split('\n'):
        lines += expand(line, lines) if line.startswith('@') else [line]
    return '\n'.join(lines)


def short(line):
    """The line of text on lines of at most 79 bytes, which is the same to roff."""
    pieces = textwrap.wrap(line, 79, break_long_words=False, break_on_hyphens=False)
    return [('\\&' if piece[0] in ".'" else '') + piece for piece in pieces]


def tidy(roff):
    """Without the empty paragraphs that scdoc makes, and with every indentation ended."""
    lines, depth, is_literal = [], 0, False
    for line in roff.rstrip('\n').split('\n'):
        word = line.split(' ')[0]
        if word == '.SH':
            lines += ['.RE'] * depth
            depth = 0
        depth += (word == '.RS') - (word == '.RE')
        if word in ('.SH', '.RE', '.P', '.SS') and not is_literal:
            while lines and lines[-1] == '.P':
                lines.pop()
        if word != '.P' or not lines or lines[-1].split(' ')[0] not in ('.TH', '.SH', '.RS'):
            is_text = not is_literal and line and line[0] not in ".'"
            lines += short(line) if is_text else [line]
        is_literal = word == '.nf' or (is_literal and word != '.fi')
    while lines[-1] == '.P':
        lines.pop()
    return '\n'.join(lines + ['.RE'] * depth) + '\n'


def main():
    scdoc, path = sys.argv[1:]
    made = subprocess.run([scdoc], input=source_text(path), text=True, capture_output=True)
    if made.returncode:
        sys.exit(f'{path}: {made.stderr.strip()}')
    sys.stdout.write(tidy(made.stdout))


main()
