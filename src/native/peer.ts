// What the engine gives to, and takes from, another process of the server. Types only; addon.ts exports them.

/** An open file or socket; it closes when nobody holds it. */
export interface OpenFile {
  readonly opened: unique symbol;
}

/** A lock that `release()` or the end of the process releases (flock(2)). */
export interface StoreLock {
  release(): void;
  /** What the lock belongs to. */
  file(): OpenFile;
}

/** A connection between two processes on this host, or where they are awaited (native/base/peer_socket.h). */
export interface PeerSocket {
  /** Rejects with code EINVAL after `close`. */
  accept(): Promise<PeerSocket>;
  /** @param files further descriptors of them go along. Rejects with code ETIMEDOUT and EPIPE. */
  send(text: string, files: readonly OpenFile[]): Promise<void>;
  /** Calls must not overlap. Rejects with code ECONNRESET when the peer has gone, or after `close`. */
  receive(): Promise<{ text: string; files: OpenFile[] }>;
  close(): void;
  /** Who connected. `isSameUser`: as this process runs. */
  peer(): { pid: number; uid: number; isSameUser: boolean };
}

export interface EnginePeers {
  /**
   * Awaits processes at a socket of this name in a folder, for the owner alone. One that is there goes.
   */
  listenForPeers(folder: string, name: string): PeerSocket;
  /** Throws with code ENOENT and ECONNREFUSED when nobody awaits one. */
  connectToPeer(folder: string, name: string): PeerSocket;
  /** A further descriptor of what a descriptor of this process has open. */
  fileOf(descriptor: number): OpenFile;
  /** The number of its descriptor, which is the caller's from then on. */
  takeFile(file: OpenFile): number;
  closeFile(file: OpenFile): void;
  /** What lives in this process's memory and has to live on: epochs and ticket keys. */
  sharedState(): OpenFile[];
  /** Goes on with that of another process, before a reactor is made. Epochs are shared from then on. */
  adoptSharedState(state: readonly OpenFile[]): void;
}
