def uninstall_hook(env):
    """Remove what the registry does not know of: the functions and the triggers.

    The triggers go with the function that they call, so that the tables of the
    module can be dropped with the facts in them.
    """
    env.cr.execute(
        """
        DROP FUNCTION IF EXISTS
            scenic_append_only(),
            scenic_append_only_on(regclass)
        CASCADE
        """
    )
