"""What the algorithms share: networks, rollouts, advantages, natural gradients, the driver."""
