from tests.unit.notices.examples import PAGE, make_examples, shown, with_examples


def test_the_page_shows_every_example_as_the_code_makes_it() -> None:
    page = PAGE.read_text()
    assert shown(page) == list(make_examples())
    assert page == with_examples(page)
