/** The part of noVNC that is used (its docs/API.md). */
declare module "@novnc/novnc" {
  interface Events {
    connect: CustomEvent<object>;
    clipboard: CustomEvent<{ text: string }>;
    desktopname: CustomEvent<{ name: string }>;
    credentialsrequired: CustomEvent<{ types: string[] }>;
    securityfailure: CustomEvent<{ status: number; reason?: string }>;
  }

  export default class RFB {
    constructor(target: HTMLElement, channel: WebSocket, options?: { shared?: boolean });
    resizeSession: boolean;
    scaleViewport: boolean;
    background: string;
    addEventListener<E extends keyof Events>(name: E, act: (event: Events[E]) => void): void;
    clipboardPasteFrom(text: string): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    blur(): void;
  }
}
