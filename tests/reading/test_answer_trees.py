import numpy as np

from ecg_byte_hf.reading.answer_trees import greedy_walk, lay_out, without_end

SHARED = [1, 2, 3]
ASKED = [((10, 11), [(20, 21), (20, 22)]), ((12,), [(20,)])]


def test_a_token_sees_what_it_hangs_on_and_nothing_else():
    sheet = lay_out(SHARED, ASKED)
    assert sheet.ids == [1, 2, 3, 10, 11, 20, 21, 22, 12, 20]
    assert sheet.positions == [0, 1, 2, 3, 4, 5, 6, 6, 3, 4]
    seen = [[sheet.ids[i] for i in np.flatnonzero(row)] for row in sheet.sees()]
    assert seen[6] == [1, 2, 3, 10, 11, 20, 21]
    assert seen[7] == [1, 2, 3, 10, 11, 20, 22]
    assert seen[9] == [1, 2, 3, 12, 20]
    assert sheet.read == [4, 5, 6, 7, 8, 9]


def test_without_ecgs_and_prefix_a_question_begins_the_sequence():
    sheet = lay_out([], [((10, 11), [(20,)]), ((12,), [])])
    assert sheet.positions == [0, 1, 2, 0]
    assert sheet.sees()[3].tolist() == [False, False, False, True]


def test_a_greedy_answer_is_followed_as_far_as_it_is_a_candidate():
    first = lay_out(SHARED, ASKED).trees[0]
    likeliest = {4: 20, 5: 22, 7: 99}
    assert greedy_walk(first, likeliest, {99}, 8) == ((20, 22), True)
    assert greedy_walk(first, likeliest, {99}, 1) == ((20,), True)
    assert greedy_walk(first, likeliest | {5: 23}, {99}, 8) == ((20, 23), False)
    assert greedy_walk(first, {4: 99}, {99}, 8) == ((), True)


def test_what_a_template_puts_after_the_end_of_a_turn_is_no_part_of_the_answer():
    assert without_end([5, 6, 99, 7], {99}) == ((5, 6), 99)
    assert without_end([5, 6], {99}) == ((5, 6), None)
