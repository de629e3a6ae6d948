/** Files and folders that are dropped anywhere on the page. */

import { find } from "./element";

interface Target {
  /** Where dropped files would go, in words; nothing where they can't. */
  where(): string | undefined;
  dropped(files: File[], folders: FileSystemDirectoryEntry[]): void;
}

export function acceptFiles({ where, dropped }: Target): void {
  const sign = find("#drop");
  const carriesFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || !event.dataTransfer) return;
    // Elsewhere the browser would leave the page for the file.
    event.preventDefault();
    const words = where();
    event.dataTransfer.dropEffect = words === undefined ? "none" : "copy";
    sign.hidden = words === undefined;
    find("#drop p").textContent = words ?? "";
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    // Within the page it goes from one element to another.
    if (!relatedTarget) sign.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    sign.hidden = true;
    if (where() === undefined) return;
    // Browsers give them away now and never again.
    const [files, folders]: [File[], FileSystemDirectoryEntry[]] = [[], []];
    for (const item of event.dataTransfer.items) {
      const entry = item.webkitGetAsEntry();
      const file = item.getAsFile();
      if (entry?.isDirectory) folders.push(entry as FileSystemDirectoryEntry);
      else if (file) files.push(file);
    }
    dropped(files, folders);
  });
}
