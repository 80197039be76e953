"""The firmware inside the program that asks. Its connection cannot break, and the suite restarts it itself."""

import os


class Link:
    def __init__(self, directory):
        self.url = "inproc:" + os.path.join(directory, "device")
        os.mkdir(os.path.join(directory, "device"))

    def cut(self):
        return False

    def restart(self):
        return False

    def stop(self):
        pass
