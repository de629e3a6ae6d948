/** The features of a space in words, and which app opens them. */

import type { Space } from "../spaces/space";

type SpaceFeature = Space["features"][number];
export type FeatureName = SpaceFeature["feature"];

const NAMES: Record<FeatureName, string> = {
  TERMINAL: "Terminal",
  CODE_SERVER: "Code Server",
  VNC: "Desktop",
  FILES: "Files",
  SSH: "SSH",
  PORT_FORWARD: "Ports",
  TUNNELS: "Tunnels",
  VSCODE_TUNNEL: "VS Code Tunnel",
};

export function featureName(feature: FeatureName): string {
  return NAMES[feature];
}

const WHY = {
  NOT_SHARED: "Sharing doesn’t include it",
  NOT_SUPPORTED: "This Spaceport doesn’t carry it",
  PERMISSION_MISSING: "None of your roles allows it",
  NOT_IN_IMAGE: "Its image has no program for it",
  TEMPLATE_DISABLED: "The template doesn’t enable it",
} as const satisfies Record<NonNullable<SpaceFeature["reason"]> | "NOT_IN_IMAGE", string>;

/** Why it can't be used; nothing when it can. */
export function barOf(space: Space, feature: FeatureName): string | undefined {
  const found = space.features.find((it) => it.feature === feature);
  if (!found) return WHY.NOT_SUPPORTED;
  return found.available ? undefined : WHY[found.reason ?? "NOT_SUPPORTED"];
}

export interface Door {
  title: string;
  hint: string;
  /** As `openApp` calls it. */
  app: string;
  /** Why it can't be opened. */
  bar: string | undefined;
  /** Of a port: where it is opened, by whoever signs in there. */
  url?: string | null;
}

const APPS: { feature: FeatureName; app: string; hint: string }[] = [
  { feature: "TERMINAL", app: "term", hint: "Shells in the browser" },
  { feature: "CODE_SERVER", app: "code", hint: "The editor in the browser" },
  { feature: "VNC", app: "vnc", hint: "The desktop in the browser" },
  { feature: "FILES", app: "files", hint: "Browse, download, upload" },
];

/** What can be opened of a space in a browser: its apps and each port that its template declares. */
export function doorsOf(space: Space): Door[] {
  const stateOf = (feature: FeatureName) => space.apps?.find((it) => it.feature === feature)?.state;
  const apps = APPS.map(({ feature, app, hint }) => ({
    title: featureName(feature),
    hint: stateOf(feature) === "STARTING" ? "It is being started" : hint,
    app,
    bar: barOf(space, feature),
  }));
  const ports = space.ports.map(({ name, port, url }) => ({
    title: name,
    hint: `Port ${port}`,
    app: String(port),
    bar: barOf(space, "PORT_FORWARD"),
    url,
  }));
  const doors = [...apps, ...ports];
  return [...doors.filter((it) => it.bar === undefined), ...doors.filter((it) => it.bar !== undefined)];
}

/** The command that enters by SSH, of an URL such as `ssh://lab@spaces.example:2222`. */
export function sshCommand(url: string): string | undefined {
  const parts = /^ssh:\/\/([^@/]+)@(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(url);
  if (!parts) return undefined;
  const [, user = "", host = "", port] = parts;
  const name = host.replace(/^\[|\]$/g, "");
  return `ssh ${port && port !== "22" ? `-p ${port} ` : ""}${decodeURIComponent(user)}@${name}`;
}
