import dataclasses

import pytest

from lsp_server.settings import Settings


def test_a_section_is_laid_over_the_settings() -> None:
    section = {
        "enabled": False,
        "model": "/models/a",
        "maxTokens": 128,
        "multiline": False,
        "disabledLanguages": ["markdown", "plaintext"],
        "privateWorker": True,
        "reuse": False,
        "prefetch": False,
        "precision": "int8",
        "workspaceIndex": True,
        "eagerness": "calm",
        "stages": ["delay", "copy"],
    }
    settings, problems = Settings().merged(section)
    assert problems == ()
    assert settings == Settings(
        False, "/models/a", 128, False, ("markdown", "plaintext"), True, False, False, "int8", True,
        "calm", ("delay", "copy"),
    )  # fmt: skip
    assert [settings.has(stage) for stage in ("delay", "deadline")] == [False, True]


@pytest.mark.parametrize("section", [None, {}, {"model": None, "maxTokens": None}])
def test_what_was_never_set_changes_nothing(section: object) -> None:
    settings = Settings(max_tokens=7)
    assert settings.merged(section) == (settings, ())


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"enabled": "yes"}, "midfill.enabled is 'yes': use true or false."),
        ({"maxTokens": 0}, "midfill.maxTokens is 0: use a whole number from 1 to 512."),
        ({"maxTokens": 513}, "midfill.maxTokens is 513: use a whole number from 1 to 512."),
        ({"maxTokens": True}, "midfill.maxTokens is True: use a whole number from 1 to 512."),
        ({"maxTokens": 1.5}, "midfill.maxTokens is 1.5: use a whole number from 1 to 512."),
        ({"model": 3}, "midfill.model is 3: use the path of a model folder or a GGUF file, or "),
        ({"disabledLanguages": "go"}, "midfill.disabledLanguages is 'go': use a list of language ids"),
        ({"disabledLanguages": [1]}, "midfill.disabledLanguages is [1]: use a list of language ids"),
        ({"precision": "int2"}, "midfill.precision is 'int2': use one of auto, bf16, int8, int4."),
        ({"eagerness": "wild"}, "midfill.eagerness is 'wild': use one of calm, balanced, eager."),
        ({"stages": ["trim"]}, "midfill.stages is ['trim']: use a list of deletion, popup,"),
        ({"stages": "copy"}, "midfill.stages is 'copy': use a list of deletion, popup,"),
        ({"precision": []}, "midfill.precision is []: use one of auto, bf16, int8, int4."),
        ({"maxToken": 3}, "midfill.maxToken is not a setting: did you mean midfill.maxTokens?"),
        ({"zzz": 3}, "midfill.zzz is not a setting: the settings are enabled, model,"),
        (["enabled"], "midfill must be an object of settings, not ['enabled']."),
        ("x" * 100, "midfill must be an object of settings, not 'xxxxxxxx"),
    ],
)
def test_a_problem_names_the_setting_and_the_cure(section: object, problem: str) -> None:
    settings, problems = Settings(max_tokens=9).merged(section)
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert settings == Settings(max_tokens=9)


def test_one_bad_value_does_not_undo_the_others() -> None:
    settings, problems = Settings().merged({"disabledLanguages": ["go"], "maxTokens": "many"})
    assert settings.disabled_languages == ("go",)
    assert len(problems) == 1


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().enabled = False  # type: ignore[misc] # the point of the test
