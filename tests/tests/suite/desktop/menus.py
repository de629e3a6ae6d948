"""Says where menus of the window manager are seen: a line for each, left and top."""

from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p

IS_VIEWABLE = 2


class Attributes(Structure):
    """XWindowAttributes of Xlib.h."""

    _fields_ = [
        *((name, c_int) for name in ("x", "y", "width", "height", "border_width", "depth")),
        *(("visual", c_void_p), ("root", c_ulong)),
        *((name, c_int) for name in ("kind", "bit_gravity", "win_gravity", "backing_store")),
        *(("backing_planes", c_ulong), ("backing_pixel", c_ulong), ("save_under", c_int)),
        *(("colormap", c_ulong), ("map_installed", c_int), ("map_state", c_int)),
        *((name, c_long) for name in ("all_events", "own_events", "not_propagated")),
        *(("override_redirect", c_int), ("screen", c_void_p)),
    ]


x11 = CDLL("libX11.so.6")
x11.XOpenDisplay.restype = c_void_p
x11.XDefaultRootWindow.restype = c_ulong
display = c_void_p(x11.XOpenDisplay(None))
root = c_ulong(x11.XDefaultRootWindow(display))
windows, count = POINTER(c_ulong)(), c_uint()
x11.XQueryTree(display, root, byref(c_ulong()), byref(c_ulong()), byref(windows), byref(count))
for window in map(c_ulong, windows[: count.value]):
    name, attributes = c_char_p(), Attributes()
    x11.XFetchName(display, window, byref(name))
    x11.XGetWindowAttributes(display, window, byref(attributes))
    if name.value == b"IceMenu" and attributes.map_state == IS_VIEWABLE:
        print(attributes.x, attributes.y)
