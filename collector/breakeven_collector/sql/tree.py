"""The engine's own syntax tree of a query, read from `EXPLAIN AST`, and what it may hold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from breakeven_collector.sql import allowed
from breakeven_collector.sql.errors import SqlError, denied
from breakeven_collector.sql.tokens import is_type

MAX_NODES: Final = 20_000
"""Most nodes, with every name that is used replaced by what it stands for."""
MAX_TABLES: Final = 24
"""Most tables, views and subqueries read, counted the same way: each `spend` takes the engine a while to plan."""

# A name or string that could be taken for the end of a line has been refused as a token already.
_CHILDREN: Final = re.compile(r" \(children (\d+)\)$")
_ALIAS: Final = re.compile(r" \(alias (.*)\)$")
_START: Final = re.compile(r"( *)([A-Za-z:]+)(?: (.*))?")
_STRING_LITERAL: Final = re.compile(r"'(.*)'", re.DOTALL)
_IN: Final = frozenset({"in", "notin", "nullin", "notnullin"})


@dataclass
class Node:
    """A node of the tree."""

    kind: str
    payload: str = ""
    alias: str = ""
    children: list["Node"] = field(default_factory=lambda: [])

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def arguments(self) -> list["Node"]:
        """Arguments of a function."""
        return self.children[-1].children if self.children else []


def read_tree(lines: list[str]) -> Node:
    """Build the tree from the lines of `EXPLAIN AST`.

    Raises:
        SqlError: a line is not understood: then the query is refused.
    """
    above: list[tuple[Node, int]] = []
    root: Node | None = None
    for line in lines:
        rest, children = _cut(_CHILDREN, line)
        rest, alias = _cut(_ALIAS, rest)
        match = _START.fullmatch(rest)
        if match is None:
            raise denied("the query is not understood")
        depth = len(match[1])
        node = Node(match[2], match[3] or "", alias)
        while above and len(above) > depth:
            _complete(*above.pop())
        if len(above) != depth or (depth == 0) != (root is None):
            raise denied("the query is not understood")
        if above:
            above[-1][0].children.append(node)
        else:
            root = node
        above.append((node, int(children or 0)))
    while above:
        _complete(*above.pop())
    if root is None:
        raise denied("the query is not understood")
    return root


def _cut(end: re.Pattern[str], line: str) -> tuple[str, str]:
    found = end.search(line)
    return (line[: found.start()], found[1]) if found else (line, "")


def _complete(node: Node, children: int) -> None:
    # An empty list of arguments has no count.
    if len(node.children) != children:
        raise denied("the query is not understood")


class TreeCheck:
    """Checks one tree.

    Args:
        database: name of the store's database, which may stand before a table.
        relations: every table and view there is in it.
        ctes: names that the text gives to queries in WITH, in its order.
    """

    def __init__(self, database: str, relations: frozenset[str], ctes: list[str]) -> None:
        self._database = database
        self._relations = relations
        self._to_come = list(reversed(ctes))
        self._named: dict[str, Node] = {}
        self._taken: set[str] = set()
        self._lambdas: set[int] = set()
        self._behind_union = 0

    def check(self, root: Node) -> None:
        """Go through the tree.

        Raises:
            SqlError: it holds what is not on the lists; the message names it.
        """
        if root.kind != "SelectWithUnionQuery":
            raise denied("only SELECT is answered here")
        try:
            self._visit(root)
            if self._to_come:
                raise denied(f"the query named {self._to_come[-1]} is not understood")
            Sizes(root, self._named).check()
        except RecursionError:
            raise SqlError(306, "the query nests too deep") from None

    def _visit(self, node: Node) -> None:
        if node.kind not in allowed.NODES:
            raise denied(f"{_plainly(node.kind)} may not be used here")
        self._name(node.alias)
        if node.kind == "Function":
            self._function(node)
        elif node.kind == "TableExpression":
            self._table(node)
            return
        elif node.kind == "TableIdentifier":
            # Where a table may stand, `_table` takes it.
            raise denied(f"the table {node.payload} may not be used here")
        elif node.kind == "Identifier" and node.payload.split(".")[-1].startswith("_"):
            raise denied(f"{node.payload}: names that begin with _ are the engine's own; give it another name")
        if node.kind == "WithElement":
            self._with_element(node)
        elif node.kind == "SelectWithUnionQuery":
            # Any other child would be INTO OUTFILE, FORMAT or SETTINGS.
            if [child.kind for child in node.children] != ["ExpressionList"] or not node.children[0].children:
                raise denied("only SELECT is answered here, without INTO OUTFILE, FORMAT or SETTINGS")
            self._union(node.children[0].children)
        else:
            for child in node.children:
                self._visit(child)

    def _union(self, queries: list[Node]) -> None:
        first, *others = queries
        self._visit(first)
        self._behind_union += 1
        for other in others:
            self._visit(other)
        self._behind_union -= 1

    def _with_element(self, node: Node) -> None:
        # The engine gives what the first query of a UNION has in WITH to the others too.
        if self._behind_union and node in self._named.values():
            return
        # Named before what is in it in the text, and known only behind it: no query reads itself.
        name = self._cte_name()
        for child in node.children:
            self._visit(child)
        self._named[name] = node

    def _name(self, alias: str) -> None:
        # The engine looks filters of projects up by the name a table goes by in the query, too.
        if alias.rpartition(".")[2] in self._relations and "." in alias:
            raise denied(f"{alias!r} may not be an alias: it looks like a table")

    def _cte_name(self) -> str:
        if not self._to_come:
            raise denied("a query in WITH is not understood; write: WITH name AS (SELECT …)")
        name = self._to_come.pop()
        if name in self._taken or name in self._relations or "." in name:
            raise denied(f"WITH {name}: the name is taken; choose another")
        self._taken.add(name)
        return name

    def _table(self, node: Node) -> None:
        table, *columns = node.children or [Node("")]
        self._name(table.alias)
        if table.kind == "TableIdentifier":
            self._relation(table.payload)
        elif table.kind == "Function":
            self._priced_with(table)
        elif table.kind == "Subquery":
            self._visit(table)
        else:
            raise denied("what is read from is not understood")
        for column in columns:
            self._visit(column)

    def _relation(self, name: str) -> None:
        if name in self._named or name == "system.one":
            return
        database, dot, relation = name.rpartition(".")
        if (dot and database != self._database) or relation not in allowed.RELATIONS:
            readable = ", ".join(allowed.RELATIONS)
            raise SqlError(60, f"there is no table {name} to read here. There are {readable} and spend_of(book='…')")

    def _priced_with(self, node: Node) -> None:
        if node.payload != allowed.PRICED_WITH:
            raise denied(f"the table function {node.payload} may not be used here")
        shape = [(n.kind, n.payload) for n in node.walk()][1:-1]
        expected = [
            *(("ExpressionList", ""), ("Function", "equals"), ("ExpressionList", ""), ("Identifier", "book")),
        ]
        if shape != expected or [n.kind for n in node.walk()][-1] != "Literal":
            raise denied("write spend_of(book='…') with the version of a price book")

    def _function(self, node: Node) -> None:
        name = node.payload.lower()
        arguments = node.arguments
        if name == "lambda":
            if id(node) not in self._lambdas:
                raise denied("x -> … may only be the first argument of a function such as arrayMap")
            return
        if not allowed.is_function(name):
            raise SqlError(46, f"the function {node.payload} may not be used here")
        if len(node.children) == 2 and not allowed.is_aggregate(name):
            raise denied(f"{node.payload} takes no parameters")
        if name in allowed.TAKES_FUNCTION and len(arguments) > 1:
            first = arguments[0]
            # A name there would be looked up among all functions.
            if (first.kind, first.payload) != ("Function", "lambda"):
                raise denied(f"the first argument of {node.payload} has to be written as x -> …")
            self._lambdas.add(id(first))
        if name in ("cast", "_cast"):
            literal = _STRING_LITERAL.fullmatch(arguments[1].payload) if len(arguments) == 2 else None
            kind = literal[1].replace("\\'", "'") if literal and arguments[1].kind == "Literal" else ""
            # Nothing: the engine's type of NULL and of an empty list.
            if not is_type(re.sub(r"\bNothing\b", "UInt8", kind)):
                raise denied("CAST takes the name of a plain type, in quotes or after AS or ::")
        # A bare name there would be a table.
        if name in _IN and (len(arguments) != 2 or arguments[1].kind not in ("Literal", "Subquery", "Function")):
            raise denied("write a list or a query behind IN")


class Sizes:
    """How large a query gets when every name is replaced by what it stands for, as the engine does."""

    def __init__(self, root: Node, queries: dict[str, Node]) -> None:
        self._root = root
        self._queries = queries
        self._aliases: dict[str, list[Node]] = {}
        for node in root.walk():
            if node.alias:
                self._aliases.setdefault(node.alias, []).append(node)
        self._known: dict[int, tuple[int, int]] = {}

    def check(self) -> None:
        """Refuse what is too large.

        Raises:
            SqlError: it is.
        """
        nodes, tables = self._size(self._root)
        if nodes > MAX_NODES or tables > MAX_TABLES:
            raise SqlError(
                167 if nodes > MAX_NODES else 162,
                "the query is too large"
                if nodes > MAX_NODES
                else f"the query reads from more than {MAX_TABLES} tables and subqueries",
            )

    def _size(self, node: Node) -> tuple[int, int]:
        if id(node) in self._known:
            return self._known[id(node)]
        # What refers to itself is the engine's to refuse.
        self._known[id(node)] = (1, 0)
        nodes, tables = 1, int(node.kind == "TableExpression" and node.children[0].payload != "system.one")
        parts = list(node.children)
        if node.kind == "Identifier" and node.payload in self._aliases:
            parts.extend(self._aliases[node.payload])
        if node.kind == "TableIdentifier" and node.payload in self._queries:
            parts.append(self._queries[node.payload])
        for part in parts:
            more_nodes, more_tables = self._size(part)
            nodes, tables = nodes + more_nodes, tables + more_tables
        self._known[id(node)] = nodes, tables
        return nodes, tables


def _plainly(kind: str) -> str:
    words = {"ColumnsApplyTransformer": "APPLY", "ColumnsRegexpMatcher": "COLUMNS", "Set": "SETTINGS"}
    return words.get(kind, kind)
