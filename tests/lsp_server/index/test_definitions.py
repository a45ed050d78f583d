"""What a file of each language defines and imports."""
# ruff: noqa: E501  # tables, one definition a line

from __future__ import annotations

import textwrap

import pytest

from lsp_server.index.definition import MAX_DEFINITIONS, Definition, Import
from lsp_server.index.definitions import LANGUAGES, contents_of

PYTHON = '''
from __future__ import annotations
import os.path, numpy as np
from .shapes import Square as Sq, Circle
from ..core import *

LIMIT: int = 3
_cache = {}
type Pair = tuple[int, int]

if TYPE_CHECKING:
    from typing import Any

@decorated(1)
def area(shape: Sq, *, scale: float = 1.0) -> float:
    """The area of a shape.

    More of it.
    """
    def inner(): ...
    return 0.0

class Store(Base, metaclass=Meta):
    """Keeps things."""

    default = 1

    @property
    async def size(
        self,
        unit: str = "b",
    ) -> int:
        return 1

try:
    def guarded(): pass
except ImportError:
    pass
'''

TYPESCRIPT = """
import Default, { a as b, type C } from "./x/y";
import * as ns from 'pkg';
export { d } from "./z";

/**
 * Adds two numbers.
 * @param a one
 */
export function add(a: number, b: number): number {
  return a + b;
}
// Not about it.


export const LIMIT = 10, twice = (x: number): number => { return 2 * x; };
export default abstract class Store<T> extends Base<T> {
  private items: T[] = [];
  /** How many. */
  get size(): number { return 0; }
  abstract load(path: string): Promise<T>;
  handler = async (e: Event) => { };
}
interface Shape { area(scale: number): number; name: string }
export type Pair = [number, number];
enum Colour { Red }
declare namespace Inner {
  function hidden(): void;
}
function overloaded(a: string): void;
"""

JAVASCRIPT = """
const { readFile, join: j } = require('./fs');
const path = require("path");
exports.parse = function (text) { };
module.exports = class Parser { run() { } };
Parser.prototype.stop = function () {};
function* walk(tree) { }
let counter = 0;
"""

TSX = """
import React from 'react';
export function Button({ label }: Props): JSX.Element {
  return <b>{label}</b>;
}
const Icon = () => <i/>;
"""

JAVA = """
package com.example;
import java.util.List;
import static com.example.Util.parse;
import com.other.*;

/** Holds users. */
@Entity
public class UserStore<T> extends Base implements Iterable<T> {
    public static final int LIMIT = 5;
    private int count;

    /** Finds one. */
    @Override
    public User find(String name) throws IOException {
        return null;
    }
    UserStore(int limit) { }
    enum State { ON }
}
record Point(int x, int y) { }
interface Shape { double area(); }
@interface Marker { int value(); }
"""

GO = """
package store

import (
	"fmt"
	al "example.com/a/b"
)
import "os"

// Open opens a store.
// It may fail.
func Open(path string) (*Store, error) {
	return nil, nil
}

// Store keeps things.
type Store struct {
	n int
}

func (s *Store) Len() int { return s.n }

type (
	Reader interface{ Read() }
	Alias = int
)

const (
	A = iota
	B
)

var First, Second = 1, 2
"""

RUST = """
use crate::a::{b::C, d as e, f::*};
use std::io;

/// A point.
#[derive(Debug)]
pub struct Point<T> { x: T }

impl<T> Shape for Point<T> {
    const SIDES: u8 = 0;
    /// Its area.
    pub fn area(&self) -> f64 { 0.0 }
}
pub enum Colour { Red }
pub trait Shape { fn area(&self) -> f64; }
pub(crate) const fn origin() -> Point<u8> { todo!() }
static COUNT: usize = 1;
type Alias = u8;
macro_rules! twice { ($x:expr) => { 2 * $x } }
mod inner { pub fn hidden() {} }
"""

C = """
#include "lib/list.h"
#include <stdio.h>
#define MAX_SIZE 100
#define SQUARE(x) ((x) * (x))

/* Appends to a list. */
static struct node *append(struct list *l, int value)
{
    return 0;
}
int count(const struct list *l);
typedef struct { int a; } Pair;
typedef int (*callback)(int);
struct list { int n; };
enum colour { RED };
extern const int limit;
"""

CPP = """
#include <vector>
namespace app::core {
// Keeps things.
class Store : public Base {
 public:
  explicit Store(int n);
  int size() const { return 0; }
  template <class T> void add(T item);
 private:
  int field_;
};
}
template <typename T>
T largest(T a, T b) { return a; }
int app::core::Store::size() const { return 1; }
using Alias = int;
enum class Colour { Red };
struct Point final { int x; };
constexpr int kLimit = 3;
"""

CSHARP = """
using System;
using Json = System.Text.Json;
namespace App.Core
{
    /// <summary>Keeps things.</summary>
    public class Store : Base
    {
        public const int Limit = 3;
        private int count;
        public int Size { get; set; }
        public Store(int n) { }
        /// <summary>Finds one.</summary>
        public async Task<int> FindAsync(string name) => 1;
    }
    interface IShape { double Area(); }
    public record Point(int X, int Y);
    struct Pair { }
    enum Colour { Red }
    delegate void Handler(int a);
}
"""

RUBY = """
require 'json'
require_relative '../lib/base'

# Things of the shop.
module Shop
  # Keeps items.
  class Store < Base
    LIMIT = 3

    # Finds one.
    def find(name, exact: true)
      nil
    end

    def self.open(path); end

    def empty?
      true
    end
  end
end

def top(a) = a
"""

PHP = r"""<?php
namespace App\Core;
use App\Models\User;
use Lib\{Reader, Writer as W};
require_once 'lib/base.php';

/** Greets. */
function greet(string $name): string { return ''; }
const LIMIT = 3;
abstract class Store extends Base implements Shape {
    const SIZE = 1;
    /** Finds one. */
    public function find(string $name): ?User { return null; }
}
interface Shape { public function area(): float; }
trait Sized { }
enum Colour: string { case Red = 'r'; }
"""

DEFINITIONS = {
    "python": (PYTHON, """
        constant LIMIT | LIMIT: int
        constant _cache | _cache
        type Pair | type Pair
        function area | def area(shape: Sq, *, scale: float = 1.0) -> float | The area of a shape.
        class Store | class Store(Base, metaclass=Meta) | Keeps things.
        method Store.size | async def size( self, unit: str = "b", ) -> int
        function guarded | def guarded()
    """),
    "typescript": (TYPESCRIPT, """
        function add | export function add(a: number, b: number): number | Adds two numbers.
        constant LIMIT | export const LIMIT
        function twice | export const LIMIT = 10, twice = (x: number): number =>
        class Store | export default abstract class Store<T> extends Base<T>
        method Store.size | get size(): number | How many.
        method Store.load | abstract load(path: string): Promise<T>
        method Store.handler | handler = async (e: Event) =>
        type Shape | interface Shape
        method Shape.area | area(scale: number): number
        type Pair | export type Pair
        type Colour | enum Colour
        function hidden | function hidden(): void
        function overloaded | function overloaded(a: string): void
    """),
    "javascript": (JAVASCRIPT, """
        function parse | exports.parse = function (text)
        class Parser | module.exports = class Parser
        method Parser.run | run()
        function stop | Parser.prototype.stop = function ()
        function walk | function* walk(tree)
        constant counter | let counter
    """),
    "tsx": (TSX, """
        function Button | export function Button({ label }: Props): JSX.Element
        function Icon | const Icon = () =>
    """),
    "java": (JAVA, """
        class UserStore | public class UserStore<T> extends Base implements Iterable<T> | Holds users.
        constant UserStore.LIMIT | public static final int LIMIT
        method UserStore.find | public User find(String name) throws IOException | Finds one.
        method UserStore.UserStore | UserStore(int limit)
        type UserStore.State | enum State
        class Point | record Point(int x, int y)
        type Shape | interface Shape
        method Shape.area | double area()
        type Marker | @interface Marker
        method Marker.value | int value()
    """),
    "go": (GO, """
        function Open | func Open(path string) (*Store, error) | Open opens a store.
        type Store | type Store struct { n int } | Store keeps things.
        method Store.Len | func (s *Store) Len() int
        type Reader | Reader interface{ Read() }
        type Alias | Alias = int
        constant A | A
        constant B | B
        constant First | var First, Second
        constant Second | var First, Second
    """),
    "rust": (RUST, """
        class Point | pub struct Point<T> | A point.
        constant Point.SIDES | const SIDES: u8
        method Point.area | pub fn area(&self) -> f64 | Its area.
        type Colour | pub enum Colour
        type Shape | pub trait Shape
        method Shape.area | fn area(&self) -> f64
        function origin | pub(crate) const fn origin() -> Point<u8>
        constant COUNT | static COUNT: usize
        type Alias | type Alias = u8
        function twice | macro_rules! twice { ($x:expr) => { 2 * $x } }
        function hidden | pub fn hidden()
    """),
    "c": (C, """
        constant MAX_SIZE | #define MAX_SIZE
        function SQUARE | #define SQUARE(x)
        function append | static struct node *append(struct list *l, int value) | Appends to a list.
        function count | int count(const struct list *l)
        type Pair | typedef struct { int a; } Pair
        type callback | typedef int (*callback)(int)
        class list | struct list
        type colour | enum colour
        constant limit | extern const int limit
    """),
    "cpp": (CPP, """
        class Store | class Store : public Base | Keeps things.
        method Store.Store | explicit Store(int n)
        method Store.size | int size() const
        method Store.add | template <class T> void add(T item)
        function largest | T largest(T a, T b)
        method Store.size | int app::core::Store::size() const
        type Alias | using Alias = int
        type Colour | enum class Colour
        class Point | struct Point final
        constant kLimit | constexpr int kLimit
    """),
    "csharp": (CSHARP, """
        class Store | public class Store : Base | Keeps things.
        constant Store.Limit | public const int Limit
        method Store.Size | public int Size { get; set; }
        method Store.Store | public Store(int n)
        method Store.FindAsync | public async Task<int> FindAsync(string name) | Finds one.
        type IShape | interface IShape
        method IShape.Area | double Area()
        class Point | public record Point(int X, int Y)
        class Pair | struct Pair
        type Colour | enum Colour
        type Handler | delegate void Handler(int a)
    """),
    "ruby": (RUBY, """
        class Shop | module Shop | Things of the shop.
        class Shop.Store | class Store < Base | Keeps items.
        method Store.find | def find(name, exact: true) | Finds one.
        method Store.open | def self.open(path)
        method Store.empty? | def empty?
        function top | def top(a)
    """),
    "php": (PHP, """
        function greet | function greet(string $name): string | Greets.
        constant LIMIT | const LIMIT
        class Store | abstract class Store extends Base implements Shape
        constant Store.SIZE | const SIZE
        method Store.find | public function find(string $name): ?User | Finds one.
        type Shape | interface Shape
        method Shape.area | public function area(): float
        class Sized | trait Sized
        type Colour | enum Colour: string
    """),
}  # fmt: skip

IMPORTS = {
    "python": (PYTHON, [("__future__", "annotations=annotations"), ("os/path", "os="), ("numpy", "np="), ("./shapes", "Sq=Square Circle=Circle"), ("../core", ""), ("typing", "Any=Any")]),
    "typescript": (TYPESCRIPT, [("./x/y", "b=a C=C Default="), ("pkg", "ns="), ("./z", "d=d")]),
    "javascript": (JAVASCRIPT, [("./fs", "readFile=readFile j=join"), ("path", "path=")]),
    "tsx": (TSX, [("react", "React=")]),
    "java": (JAVA, [("java/util/List", "List=List"), ("com/example/Util", "parse=parse"), ("com/other", "")]),
    "go": (GO, [("fmt", "fmt="), ("example.com/a/b", "al="), ("os", "os=")]),
    "rust": (RUST, [("a/b", "C=C"), ("a", "e=d"), ("a/f", ""), ("std", "io=io")]),
    "c": (C, [("lib/list.h", ""), ("stdio.h", "")]),
    "cpp": (CPP, [("vector", "")]),
    "csharp": (CSHARP, [("System", ""), ("System/Text/Json", "Json=Json")]),
    "ruby": (RUBY, [("json", ""), ("../lib/base", "")]),
    "php": (PHP, [("App/Models/User", "User=User"), ("Lib/Reader", "Reader=Reader"), ("Lib/Writer", "W=Writer"), ("lib/base.php", "")]),
}  # fmt: skip


def told(definition: Definition) -> str:
    name = f"{definition.container}.{definition.name}" if definition.container else definition.name
    parts = [f"{definition.kind} {name}", definition.signature, definition.doc]
    return " | ".join(part for part in parts if part)


def test_every_language_of_the_index_is_here() -> None:
    assert set(DEFINITIONS) == set(IMPORTS) == LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_definitions(language: str) -> None:
    source, expected = DEFINITIONS[language]
    found = contents_of(source.encode(), language).definitions
    assert [told(each) for each in found] == textwrap.dedent(expected).strip().split("\n")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_definition_begins_with_the_line_of_its_name_and_ends_with_its_body(language: str) -> None:
    data = DEFINITIONS[language][0].encode()
    lines = data.split(b"\n")
    for each in contents_of(data, language).definitions:
        assert each.start == 0 or data[each.start - 1 : each.start] == b"\n"
        assert data.count(b"\n", 0, each.start) == each.line
        assert each.name.encode() in lines[each.line]
        # A preprocessor's definition takes its line end along.
        assert data.count(b"\n", 0, each.end) in (each.end_line, each.end_line + 1)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_imports(language: str) -> None:
    source, expected = IMPORTS[language]
    found = contents_of(source.encode(), language).imports
    told = [(each.module, " ".join(f"{here}={there}" for here, there in each.names)) for each in found]
    assert told == expected


def test_decorators_are_left_out_and_the_body_is_not() -> None:
    data = b"x = 1\n@cached\n@other(\n    1)\ndef f():\n    return 1\ny = 2\n"
    (definition,) = (each for each in contents_of(data, "python").definitions if each.name == "f")
    assert data[definition.start : definition.end] == b"def f():\n    return 1"


def test_the_value_of_a_constant_is_not_kept() -> None:
    for language, text in (
        ("python", 'KEY: str = "s3cret"'),
        ("typescript", 'export const KEY: string = "s3cret";'),
        ("java", 'class A { static final String KEY = "s3cret"; }'),
        ("go", 'const KEY = "s3cret"'),
        ("rust", 'pub const KEY: &str = "s3cret";'),
        ("c", '#define KEY "s3cret"\n'),
        ("cpp", 'constexpr char KEY[] = "s3cret";'),
        ("csharp", 'class A { const string KEY = "s3cret"; }'),
        ("ruby", 'KEY = "s3cret"'),
        ("php", '<?php\nconst KEY = "s3cret";'),
        ("kotlin", 'const val KEY = "s3cret"'),
        ("swift", 'let KEY = "s3cret"'),
    ):
        found = contents_of(text.encode(), language).definitions
        assert any(each.name == "KEY" for each in found), language
        assert not any("s3cret" in repr(each) for each in found), language


def test_a_header_of_cplusplus_is_read_as_such() -> None:
    found = contents_of(b"namespace a {\nclass Store { int size(); };\n}\n", "c").definitions
    assert [told(each) for each in found] == ["class Store | class Store", "method Store.size | int size()"]


def test_offsets_are_bytes_with_any_letters_and_line_ends() -> None:
    data = 'NAME = "Größe"\r\ndef größe(ä):\r\n    return ä\r\n'.encode()
    function = contents_of(data, "python").definitions[1]
    assert (function.name, function.line, function.end_line) == ("größe", 1, 2)
    assert data[function.start : function.end].decode() == "def größe(ä):\r\n    return ä"


def test_bytes_that_are_no_text_are_read_on() -> None:
    found = contents_of(b'# \xff\xfe\ndef f():\n    "\xff\xe9 it"\n', "python").definitions
    assert [each.name for each in found] == ["f"]


def test_broken_code_still_defines_what_it_does() -> None:
    found = contents_of(b"def f(:\n\ndef g():\n    return (\n\nclass A:\n    def h(self): ...\n", "python")
    assert "g" in [each.name for each in found.definitions]


def test_a_table_of_thousands_is_cut() -> None:
    data = b"".join(b"A%d = 1\n" % number for number in range(3 * MAX_DEFINITIONS))
    assert len(contents_of(data, "python").definitions) == MAX_DEFINITIONS


def test_nesting_has_an_end() -> None:
    data = b"namespace a { " * 5000 + b"int f();" + b"}" * 5000
    assert contents_of(data, "cpp").definitions == ()


KOTLIN = """
import com.example.Shape
// Finds one.
suspend fun <T> find(name: String): T {
    return load(name)
}

data class Point(val x: Int)
const val LIMIT = 3
"""
LUA = """
local json = require("json")
-- Opens it.
local function open(path)
  return path
end
function M.close(self)
end
"""
ELIXIR = """
defmodule Shop.Store do
  def find(name) do
    name
  end
end
"""
SWIFT = "public protocol Shape {\n    func area() -> Double\n}\nextension Store {\n}\n"
SHELL = "build() {\n    make\n}\nbuild\n"

PLAIN = [
    ("kotlin", KOTLIN, "function find | suspend fun <T> find(name: String): T | Finds one.\nclass Point | data class Point(val x: Int)\nconstant LIMIT | const val LIMIT"),
    ("lua", LUA, "function open | local function open(path) | Opens it.\nfunction close | function M.close(self)"),
    ("elixir", ELIXIR, "class Store | defmodule Shop.Store do\nfunction find | def find(name) do"),
    ("swift", SWIFT, "type Shape | public protocol Shape\nfunction area | func area() -> Double\ntype Store | extension Store"),
    ("bash", SHELL, "function build | build()"),
    ("nobody-knows", "# a def f\n\nsub render {\n  1;\n}\n", "function render | sub render"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "source", "expected"), PLAIN)
def test_other_languages_by_their_words(language: str, source: str, expected: str) -> None:
    assert "\n".join(told(each) for each in contents_of(source.encode(), language).definitions) == expected


def test_a_plain_definition_ends_with_the_line_that_closes_it() -> None:
    data = LUA.encode()
    opened = contents_of(data, "lua").definitions[0]
    assert data[opened.start : opened.end] == b"local function open(path)\n  return path\nend"
    assert contents_of(data, "lua").imports == (Import("json"),)
