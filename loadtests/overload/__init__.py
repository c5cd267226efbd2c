"""Five times what usher can carry: what it answers, how admitted fans fare, how it recovers."""
