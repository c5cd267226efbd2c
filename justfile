# The recipes of usher; `just` alone lists them.
default:
    @just --list

# format and lint, types, room order
check:
    ruff format --check .
    ruff check .
    mypy
    lint-imports

# put the code in its house style
fix:
    ruff format .
    ruff check --fix .

# the whole suite, checks first
test *args: check
    pytest {{args}}
