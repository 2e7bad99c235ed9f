import { useEffect, useState, type RefObject } from "react";

/** Follow the width of an element, in pixels; 0 until it is known. */
export const useWidth = (element: RefObject<HTMLElement | null>): number => {
  const [width, setWidth] = useState(0);

  useEffect(() => {
    const watched = element.current;

    if (watched === null) {
      return undefined;
    }
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));

    observer.observe(watched);

    return () => observer.disconnect();
  }, [element]);

  return width;
};
