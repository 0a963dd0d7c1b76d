"""All attacks with their honest twins."""

from attacks import cases_author, cases_dkim, cases_envelope, cases_field


class Row:
    def __init__(self, name, attack, want, twin, twin_want):
        self.name = name
        self.attack = attack
        self.want = want
        self.twin = twin
        self.twin_want = twin_want


def rows(world):
    modules = (cases_envelope, cases_dkim, cases_author, cases_field)
    return [Row(*row) for module in modules for row in module.rows(world)]
