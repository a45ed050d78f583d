"""Names of tree-sitter node types, over all grammars: what holds statements, makes a scope, or imports.

One table for all languages: the names that grammars share mean the same, and the others collide with nothing.
"""

# Nodes whose children are statements or members, so that a line end between two children ends one of them.
CONTAINERS = frozenset(
    {
        "block", "body_statement", "case_statement", "chunk", "class_body", "class_member_declarations",
        "communication_case", "compilation_unit", "compound_statement", "constructor_body",
        "control_structure_body", "declaration_list", "default_case", "do_block", "document", "else",
        "enum_body", "enum_body_declarations", "enum_class_body", "enum_variant_list", "expression_case",
        "field_declaration_list", "function_body", "interface_body", "interface_type",
        "linkage_specification", "match_block", "module", "namespace_body", "preproc_if", "preproc_ifdef",
        "program", "protocol_body", "script", "source_file", "statement_block", "statement_list",
        "statements", "struct_type", "stylesheet", "suite", "switch_block",
        "switch_block_statement_group", "switch_body", "switch_case", "switch_default", "template_body",
        "then", "translation_unit", "type_case",
    }
)  # fmt: skip

# Nodes that are blocks of statements or members when empty: `{}` that is no value.
BLOCKS = frozenset(
    {
        "block", "class_body", "compound_statement", "constructor_body", "declaration_list", "enum_body",
        "enum_class_body", "enum_variant_list", "field_declaration_list", "function_body",
        "interface_body", "interface_type", "match_block", "object_type", "protocol_body",
        "statement_block", "struct_type", "switch_block", "switch_body", "template_body",
    }
)  # fmt: skip

# Nodes whose first lines tell where one is.
SCOPES = frozenset(
    {
        "abstract_class_declaration", "annotation_type_declaration", "arrow_function", "class",
        "class_declaration", "class_definition", "class_specifier", "closure_expression",
        "constructor_declaration", "enum_declaration", "enum_item", "extension_declaration",
        "func_literal", "function_declaration", "function_definition", "function_expression",
        "function_item", "function_statement", "generator_function", "generator_function_declaration",
        "impl_item", "interface_declaration", "internal_module", "lambda_expression", "method",
        "method_declaration", "method_definition", "mod_item", "namespace_declaration",
        "namespace_definition", "object_declaration", "object_definition", "protocol_declaration",
        "record_declaration", "singleton_method", "struct_declaration", "struct_item", "struct_specifier",
        "trait_definition", "trait_item", "type_declaration",
    }
)  # fmt: skip

IMPORTS = frozenset(
    {
        "extern_crate_declaration", "future_import_statement", "import_declaration",
        "import_from_statement", "import_header", "import_list", "import_statement",
        "namespace_use_declaration", "package_clause", "package_declaration", "package_header",
        "preproc_include", "use_declaration", "using_directive",
    }
)  # fmt: skip
