import numpy as np

from core.advantage import gae, next_values

NO, YES = False, True

# γ = λ = 1/2, so γλ = 1/4 and every number below is exact in binary. One column an environment:
# terminated after step 1; truncated after step 2, in a state worth 20; running when the batch ends.
REW = np.array([[1.0, 1, 0], [2, 2, 0], [3, 0, 8], [4, 6, 0]])
VAL = np.array([[8.0, 2, 4], [4, 4, 4], [2, 6, 4], [6, 8, 4]])
LAST = np.array([10.0, 12, 16])
FINAL = np.array([[99.0, 99, 99], [99, 99, 99], [99, 20, 99], [99, 99, 99]])
TERMINATED = np.array([[NO, NO, NO], [YES, NO, NO], [NO, NO, NO], [NO, NO, NO]])
TRUNCATED = np.array([[NO, NO, NO], [NO, NO, NO], [NO, YES, NO], [NO, NO, NO]])
NEXT = np.array([[4.0, 4, 4], [0, 6, 4], [6, 20, 4], [10, 12, 16]])
ADV = np.array(
    [
        [1 + 4 / 2 - 8 - 2 / 4, 1 + 4 / 2 - 2 + 2 / 4, 0 + 4 / 2 - 4 - 0.25 / 4],
        [2 + 0 / 2 - 4, 2 + 6 / 2 - 4 + 4 / 4, 0 + 4 / 2 - 4 + 7 / 4],
        [3 + 6 / 2 - 2 + 3 / 4, 0 + 20 / 2 - 6, 8 + 4 / 2 - 4 + 4 / 4],
        [4 + 10 / 2 - 6, 6 + 12 / 2 - 8, 0 + 16 / 2 - 4],
    ]
)


def test_the_worked_table_is_what_its_arithmetic_says():
    assert ADV.tolist() == [[-5.5, 1.5, -2.0625], [-2, 2, -0.25], [4.75, 4, 7], [3, 4, 4]]


def test_next_values_keep_death_limit_and_batch_end_apart():
    np.testing.assert_array_equal(next_values(VAL, LAST, FINAL, TERMINATED, TRUNCATED), NEXT)


def test_gae_is_the_table_worked_by_hand():
    adv = gae(REW, VAL, NEXT, TERMINATED | TRUNCATED, gamma=0.5, lam=0.5)
    np.testing.assert_array_equal(adv, ADV)


def test_an_end_in_the_last_row_is_still_an_end():
    val, last, final = np.array([[1.0, 1, 1]]), np.array([5.0, 5, 5]), np.array([[7.0, 7, 7]])
    terminated, truncated = np.array([[YES, NO, NO]]), np.array([[NO, YES, NO]])
    assert next_values(val, last, final, terminated, truncated).tolist() == [[0, 7, 5]]


def test_a_limit_taken_for_a_death_is_worth_nothing():
    done = TERMINATED | TRUNCATED
    expected = np.where(TRUNCATED, 0, NEXT)
    np.testing.assert_array_equal(next_values(VAL, LAST, FINAL, done, TRUNCATED), expected)


def test_without_values_and_with_lambda_one_gae_is_the_return_to_go():
    zero = np.zeros((4, 1))
    rew, done = np.array([[1.0], [2], [4], [8]]), np.array([[NO], [YES], [NO], [NO]])
    # The second episode: 4 + 8/2 = 8 and 8; the first sees none of it: 1 + 2/2 = 2 and 2.
    assert gae(rew, zero, zero, done, gamma=0.5, lam=1.0).ravel().tolist() == [2, 2, 8, 8]


def test_with_lambda_zero_gae_is_the_one_step_error():
    adv = gae(REW, VAL, NEXT, TERMINATED | TRUNCATED, gamma=0.5, lam=0.0)
    np.testing.assert_array_equal(adv, REW + NEXT / 2 - VAL)


def test_with_lambda_one_gae_is_the_bootstrapped_return_less_the_value():
    rng = np.random.default_rng(0)
    rew, val, last = rng.normal(size=(6, 1)), rng.normal(size=(6, 1)), rng.normal(size=1)
    nobody = np.zeros((6, 1), bool)
    following = next_values(val, last, np.zeros((6, 1)), nobody, nobody)
    adv = gae(rew, val, following, nobody, gamma=0.9, lam=1.0)
    for t in range(6):
        ret = sum(0.9 ** (k - t) * rew[k, 0] for k in range(t, 6)) + 0.9 ** (6 - t) * last[0]
        np.testing.assert_allclose(adv[t, 0], ret - val[t, 0], rtol=1e-12)
