"""The figures, a module for each family. FIGURES there: (names, function of a Bench) in order."""
import importlib

MODULES = ["calls", "local_clone", "many_clones", "memory", "remote_clone", "remote_copy",
           "remote_page", "fanout", "idle"]


def all_figures():
    """(names, function) of every figure, in the order of the table."""
    for module in MODULES:
        yield from importlib.import_module(f"figures.{module}").FIGURES
