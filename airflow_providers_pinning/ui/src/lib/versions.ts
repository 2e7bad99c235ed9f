import type { Identity, Version } from "src/api/types";

/** The version that waits: the newest one under evaluation, else the latest if it is not active. */
export const candidateOf = (versions: ReadonlyArray<Version>): Version | null => {
  const newestFirst = [...versions].sort((one, other) => other.version_number - one.version_number);

  return (
    newestFirst.find((version) => version.state === "candidate" && !version.is_active) ??
    newestFirst.find((version) => version.is_latest && !version.is_active && version.state !== "rejected") ??
    null
  );
};

/** The commit, or what else the bundle calls its version, as short as people write it. */
export const shortCode = (version: Pick<Identity, "bundle_version"> | null): string => {
  const code = version?.bundle_version ?? "";

  return /^[0-9a-f]{16,}$/u.test(code) ? code.slice(0, 8) : code.length > 24 ? `${code.slice(0, 23)}…` : code;
};

export const countRuns = (version: Pick<Version, "run_counts">): number =>
  Object.values(version.run_counts).reduce((sum, count) => sum + count, 0);

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
