// The signals that a server hears, caught from its first moment on. Process 1 of a container gets only those
// that it catches; and SIGUSR1, which is for logs here, opens Node's debugger to every local user where
// nobody catches it.

/** What shells report of a process that a signal ended. */
export const signalStatus = { SIGINT: 130, SIGTERM: 143 } as const;
export type EndSignal = keyof typeof signalStatus;

/** As long as nobody has taken them: ends at once, as nothing is served yet. */
let end = (signal: EndSignal) => process.exit(signalStatus[signal]);

if (process.argv.slice(2).includes('serve')) {
  for (const signal of Object.keys(signalStatus) as EndSignal[]) process.on(signal, () => end(signal));
  process.on('SIGUSR1', () => {});
  // A terminal that goes away ends no server, neither now nor when it serves.
  process.on('SIGHUP', () => {});
}

/** `handler` gets the signals that ask for the end, from now on. */
export function onEndSignal(handler: (signal: EndSignal) => void): void {
  end = handler as typeof end;
}
