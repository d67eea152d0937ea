import contextlib
import io
import re
import unittest
from pathlib import Path


class Readme(unittest.TestCase):
    def test_the_example_runs_and_prints_what_stands_there(self):
        readme = (Path(__file__).parents[1] / "README.md").read_text()
        code, expected = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL).groups()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
        self.assertEqual(printed.getvalue(), expected)
