// The server's listeners, and their sockets (native/server/listening_sockets.h).

export interface ListenerOptions {
  /** By which whoever passes sockets means this listener. */
  name?: string | undefined;
  /** IPv4 or IPv6 address without brackets; `unix:` of a unix socket. */
  host: string;
  /** 0: any free port, or none of a unix socket. */
  port: number;
  /** Of a unix socket: where it is, its mode, and whose it is, as USER or USER:GROUP. */
  path?: string;
  mode?: number;
  owner?: string;
  tls: boolean;
  /** Beside HTTP/1.1. */
  http2: boolean;
  /** Connections begin with a PROXY header, and those of other networks are closed. */
  proxyProtocol?: { from: readonly string[] };
}

export interface BoundListener extends ListenerOptions {
  /** What its sockets are found by: its own name, or its address. */
  name: string;
}

/** The sockets of one listener. */
export interface OpenListener {
  name: string;
  /** The address that they are bound to: IPv4 or IPv6 without brackets, or `unix:`. */
  host: string;
  port: number;
  /** Of a unix socket; else empty. */
  path: string;
  /** Whether `close` removes the file at the path. */
  ownsPath: boolean;
  /** Descriptors that the table keeps: one for each worker, or fewer. */
  fds: number[];
}

export interface ListeningSockets {
  /**
   * Takes the sockets that a service manager passed to this process, as `give` does. `said`: what LISTEN_PID,
   * LISTEN_FDS and LISTEN_FDNAMES say (sd_listen_fds(3)).
   * Throws which of them cannot be used, and why.
   */
  takePassed(said: { process: string; count: string; names: string }): void;
  /**
   * Hands over a socket that was made elsewhere, for the listener of that name or, where none has it, for the
   * one of its address. Called before `open`. The descriptor is the table's from now on; it is closed when it
   * is none from which connections can be accepted, and the reason is thrown.
   */
  give(name: string, fd: number): void;
  /**
   * Makes the sockets of a listener, or takes those that were given for it. Throws why its address cannot be
   * had. Nobody can connect before `listen` to a socket that was made.
   */
  open(listener: WantedListener): OpenListener;
  listen(): void;
  /** Of all listeners that are open, in the order in which they were opened. */
  all(): OpenListener[];
  /** What was given and no listener has taken. */
  left(): OpenListener[];
  /** A new descriptor of a listener's first socket, which is the caller's. */
  duplicate(name: string): number;
  /** From now on the file at the path of a given socket is removed by `close`. */
  own(path: string): void;
  /** Another process has the sockets, too: the paths of unix sockets stay when this one closes them. */
  handOver(): void;
  /** Lets go of all sockets. Each is closed when the reactors that borrowed it have let go of it, too. */
  close(): void;
}

export interface WantedListener {
  /** Each listener has another. */
  name: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /** For `::`: another listener of the port takes IPv4. */
  v6Only: boolean;
  /** How many to make, if none was given; of a path there is one. */
  sockets: number;
  /** Of a unix socket, in place of host and port; else empty. `@name` is an abstract one. */
  path: string;
  /** Of the path: its mode, and whose it is, as USER or USER:GROUP; empty: the process's. */
  mode: number;
  owner: string;
}

/** What the process is given and gives up at its start, and what it tells of itself. */
export interface EngineProcess {
  /**
   * Makes the process, with all of its threads, a user's for good: NAME or NAME:GROUP. Throws why it cannot
   * be; then the process should end.
   */
  becomeUser(account: string): void;
  /**
   * Tells the service manager of the process (sd_notify(3)), in lines of VARIABLE=VALUE.
   * @param socket NOTIFY_SOCKET; empty: there is none to be told. Throws when it cannot be told.
   */
  notifyManager(socket: string, state: string): void;
  /** A table without sockets. */
  listeningSockets(): ListeningSockets;
}
