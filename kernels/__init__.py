"""The hot operations: one public way in (`ops`), a plain torch ground truth (`reference`), and backends."""
