"""A storm over the money: thousands of bookings, webhooks in any order and number, banks that time
out, decline, come late, and a worker that is killed again and again. `just storm`."""
