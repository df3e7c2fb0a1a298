import unittest


class BrowserMixin:
    """Tests in a browser: one that cannot run has failed.

    Odoo gives a browser ten seconds to start, which a machine that others load may
    not keep. So it is started once more, before anything was done.
    """

    def browser_js(self, *args, **kwargs):
        try:
            return super().browser_js(*args, **kwargs)
        except unittest.SkipTest:
            self._logger.info("the browser is started once more")
        try:
            return super().browser_js(*args, **kwargs)
        except unittest.SkipTest as reason:
            self.fail(f"no browser: {reason}")
