"""Advantages, over a rectangle of time × environments."""

import numpy as np


def next_values(
    val: np.ndarray, last_val: np.ndarray, final_val: np.ndarray, terminated: np.ndarray, truncated: np.ndarray
) -> np.ndarray:
    """V(s_{t+1}) at each step, with the two kinds of end kept apart. All shapes (T × E) but ``last_val``.

    - ``terminated``: the world ended; what follows is worth 0;
    - ``truncated`` (a time limit): the world went on without us; the value of the state in which the
      episode was stopped, ``final_val``, since the next row already belongs to a new episode;
    - the last row of the batch is no end at all: ``last_val`` (E), the value of the state that follows.
    """
    following = np.concatenate([val[1:], last_val[None]])
    following = np.where(truncated, final_val, following)
    return np.where(terminated, 0.0, following)


def gae(
    rew: np.ndarray, val: np.ndarray, next_val: np.ndarray, done: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    """Generalised advantages (Schulman et al. 2016, arXiv 1506.02438, eq. 16), shape (T × E).

        δ_t = r_t + γ V(s_{t+1}) − V(s_t)        A_t = δ_t + γ λ A_{t+1}, and A_{t+1} = 0 across an end

    ``done`` marks ends of both kinds. With V ≡ 0 and λ = 1 these are the discounted returns to go.
    """
    delta = rew + gamma * next_val - val
    decay = gamma * lam * ~done
    adv = np.empty_like(delta)
    running = np.zeros(delta.shape[1])
    for t in reversed(range(len(delta))):
        running = delta[t] + decay[t] * running
        adv[t] = running
    return adv
