// The commands of the program. Only the module of the called one is loaded, with its libraries.

import type { Command } from 'commander';

type Add = (program: Command) => void;

/** In the order of `--help`: what adds a command to the program, by its name. */
export const commands: Record<string, () => Promise<Add>> = {
  init: async () => (await import('./init.ts')).addInit,
  serve: async () => (await import('./serve.ts')).addServe,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  diagnose: async () => (await import('./diagnose.ts')).addDiagnose,
  rollout: async () => (await import('./rollout.ts')).addRollout,
  tls: async () => (await import('./tls.ts')).addTls,
  import: async () => (await import('./import.ts')).addImport,
  put: async () => (await import('./put.ts')).addPut,
  get: async () => (await import('./get.ts')).addGet,
  export: async () => (await import('./export.ts')).addExport,
  ls: async () => (await import('./ls.ts')).addLs,
  stat: async () => (await import('./stat.ts')).addStat,
  rm: async () => (await import('./rm.ts')).addRm,
  cp: async () => (await import('./cp.ts')).addCp,
  versions: async () => (await import('./versions.ts')).addVersions,
  restore: async () => (await import('./versions.ts')).addRestore,
  forget: async () => (await import('./forget.ts')).addForget,
  gc: async () => (await import('./gc.ts')).addGc,
  apt: async () => (await import('./apt.ts')).addApt,
  mirror: async () => (await import('./mirror.ts')).addMirror,
  repo: async () => (await import('./repo.ts')).addRepo,
  purge: async () => (await import('./purge.ts')).addPurge,
  explain: async () => (await import('./explain.ts')).addExplain,
  why: async () => (await import('./why.ts')).addWhy,
  bucket: async () => (await import('./bucket.ts')).addBucket,
  verify: async () => (await import('./verify.ts')).addVerify,
  backup: async () => (await import('./backup.ts')).addBackup,
  rebuild: async () => (await import('./rebuild.ts')).addRebuild,
  token: async () => (await import('./token.ts')).addToken,
  sign: async () => (await import('./sign.ts')).addSign,
  config: async () => (await import('./config.ts')).addConfig,
};
