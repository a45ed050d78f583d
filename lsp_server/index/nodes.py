"""Names of tree-sitter node types, over all grammars: what defines, and where definitions are found.

One table for all languages, as in `syntax/nodes.py`: names that grammars share mean the same.
"""

from lsp_server.index.definition import Kind

# "function" reads as "method" inside a class.
KINDS: dict[str, Kind] = {
    # functions: Python, C, C++, PHP; JavaScript, Go; TypeScript; Rust; Ruby; Java, C#
    "function_definition": "function", "function_declaration": "function", "function_item": "function",
    "generator_function_declaration": "function", "function_signature": "function",
    "function_signature_item": "function", "macro_definition": "function", "preproc_function_def": "function",
    "method_declaration": "method", "method_definition": "method", "method_signature": "method",
    "abstract_method_signature": "method", "constructor_declaration": "method",
    "compact_constructor_declaration": "method", "annotation_type_element_declaration": "method",
    "method": "function", "singleton_method": "function", "property_declaration": "method",
    # classes
    "class_definition": "class", "class_declaration": "class", "abstract_class_declaration": "class",
    "class_specifier": "class", "class": "class", "module": "class", "record_declaration": "class",
    "struct_item": "class", "struct_specifier": "class", "struct_declaration": "class",
    "trait_declaration": "class",
    # types
    "interface_declaration": "type", "annotation_type_declaration": "type", "enum_declaration": "type",
    "type_alias_declaration": "type", "type_alias_statement": "type", "type_spec": "type",
    "type_alias": "type", "enum_item": "type", "union_item": "type", "trait_item": "type",
    "type_item": "type", "type_definition": "type", "enum_specifier": "type", "union_specifier": "type",
    "alias_declaration": "type", "concept_definition": "type", "delegate_declaration": "type",
    # constants; `definitions.py` says which of these are functions, and which nothing
    "assignment": "constant", "variable_declarator": "constant", "const_spec": "constant",
    "var_spec": "constant", "const_item": "constant", "static_item": "constant", "declaration": "constant",
    "preproc_def": "constant", "const_element": "constant", "public_field_definition": "constant",
    "field_definition": "constant", "field_declaration": "constant", "assignment_expression": "constant",
}  # fmt: skip

# Types whose bodies hold definitions of members.
HOLDERS = frozenset(
    {
        "class_definition", "class_declaration", "abstract_class_declaration", "class_specifier", "class",
        "module", "record_declaration", "struct_specifier", "struct_declaration", "trait_declaration",
        "interface_declaration", "annotation_type_declaration", "enum_declaration", "trait_item",
    }
)  # fmt: skip

# Nodes that define nothing but hold what does.
WITHIN = frozenset(
    {
        # statements around definitions
        "decorated_definition", "export_statement", "ambient_declaration", "expression_statement",
        "template_declaration", "lexical_declaration", "variable_declaration", "type_declaration",
        "const_declaration", "var_declaration", "var_spec_list", "if_statement", "else_clause",
        "elif_clause", "try_statement", "except_clause",
        # scopes without a class
        "internal_module", "namespace_definition", "namespace_declaration",
        "file_scoped_namespace_declaration", "mod_item", "foreign_mod_item", "linkage_specification",
        "singleton_class", "preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif", "impl_item",
        # bodies
        "block", "class_body", "interface_body", "annotation_type_body", "enum_body",
        "enum_body_declarations", "enum_declaration_list", "declaration_list", "field_declaration_list",
        "body_statement", "statement_block",
    }
)  # fmt: skip

# What stands between a comment and the definition that it is about.
ATTRIBUTES = frozenset({"attribute_item", "decorator", "attribute_list"})

FUNCTION_VALUES = frozenset(
    {"arrow_function", "function_expression", "generator_function", "function", "lambda"}
)
CLASS_VALUES = frozenset({"class", "class_expression"})

# A declarator's way down to its name: C, C++ and C#.
DECLARATORS = frozenset(
    {
        "array_declarator", "function_declarator", "init_declarator", "parenthesized_declarator",
        "pointer_declarator", "reference_declarator", "variable_declaration", "variable_declarator",
    }
)  # fmt: skip
