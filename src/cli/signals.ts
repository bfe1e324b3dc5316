// Signal handlers, installed before anything else is loaded. As process 1 of a container the server gets only
// signals that it handles; and an unhandled SIGUSR1, which reopens logs here, would open Node's debugger to
// every local user.

/** The status that shells report for a process that a signal ended. */
export const signalStatus = { SIGINT: 130, SIGTERM: 143 } as const;
export type EndSignal = keyof typeof signalStatus;

/** Until onEndSignal() is called the process ends at once, since it serves nothing yet. */
let end = (signal: EndSignal) => process.exit(signalStatus[signal]);

if (process.argv.slice(2).includes('serve')) {
  for (const signal of Object.keys(signalStatus) as EndSignal[]) process.on(signal, () => end(signal));
  process.on('SIGUSR1', () => {});
  // A closed terminal must not end the server, neither during the start nor later.
  process.on('SIGHUP', () => {});
}

/** From now on `handler` receives the signals that ask the server to end. */
export function onEndSignal(handler: (signal: EndSignal) => void): void {
  end = handler as typeof end;
}
