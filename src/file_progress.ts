// How far work on many files has come.

export interface FileProgress {
  /** Number of files done, those included that had nothing to be done. */
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}
